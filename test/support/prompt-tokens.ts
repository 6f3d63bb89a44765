import { countTokens } from 'gpt-tokenizer/encoding/o200k_base';

/** A message as an upstream gets it. */
export interface SentMessage {
  readonly role: string;
  readonly content: string | null;
  readonly name?: string;
  readonly tool_calls?: readonly unknown[];
  readonly tool_call_id?: string;
}

/** Framing by OpenAI's recipe for counting chat tokens, the role of a message as a token of its own. */
const PER_MESSAGE = 4;
const PER_NAME = 1;
const PER_REPLY = 3;

/** Tokens of one message, framing included, by the encoding of OpenAI's current models. */
export function messageTokens({ content, name, tool_calls }: SentMessage): number {
  const texts = [content ?? '', name ?? '', tool_calls === undefined ? '' : JSON.stringify(tool_calls)];
  const framing = PER_MESSAGE + (name === undefined ? 0 : PER_NAME);
  return texts.reduce((sum, text) => sum + countTokens(text), framing);
}

/** Tokens of all that a chat request has its model read. Counted apart from the gateway, to judge it. */
export function promptTokens({ messages, tools }: { messages?: unknown; tools?: unknown }): number {
  return (messages as SentMessage[]).reduce(
    (sum, message) => sum + messageTokens(message),
    PER_REPLY + (tools === undefined ? 0 : countTokens(JSON.stringify(tools))),
  );
}
