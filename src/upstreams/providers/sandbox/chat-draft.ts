import type { ChatCompletionRequest } from '../../../contracts/openai/chat-completion.js';
import type { Behaviour } from './behaviour.js';
import { writeChatSentences, writeReasoning } from './chat-text.js';
import type { Conversation } from './conversation.js';
import { synthesiseFromSchema, type JsonValue } from './json-schema/synthesise.js';
import type { ToolDemand } from './offered-tools.js';
import type { SeededRandom } from './random.js';
import { draftToolCalls, type DraftToolCall } from './tool-calls.js';
import type { Turns } from './turns.js';

/** What a choice would say if nothing limited its length; one of `text`, `refusal`, `calls` is filled. */
export interface ChatDraft {
  readonly reasoning: string;
  readonly text: string;
  readonly refusal: string;
  readonly calls: readonly DraftToolCall[];
}

export async function draftChat(
  request: ChatCompletionRequest,
  behaviour: Behaviour,
  conversation: Conversation,
  demand: ToolDemand,
  random: SeededRandom,
  turns: Turns,
): Promise<ChatDraft> {
  const nothing: ChatDraft = { reasoning: '', text: '', refusal: '', calls: [] };
  switch (behaviour.voice) {
    case 'empty':
      return nothing;
    case 'refusal':
      return { ...nothing, refusal: 'I am sorry, but this sandbox model declines every request.' };
    case 'echo':
      return { ...nothing, text: conversation.lastUserText ?? '' };
    case 'chat': {
      const calls = await draftToolCalls(demand, conversation, random, turns);
      const called = calls.map((call) => call.name);
      const reasoning = behaviour.reasons
        ? writeReasoning(conversation, called, request.reasoning_effort, random)
        : '';
      if (calls.length > 0) return { ...nothing, reasoning, calls };
      const toolNames = demand.mode === 'none' ? [] : demand.offered.map((tool) => tool.name);
      const sentences = writeChatSentences(conversation, toolNames, random);
      return { ...nothing, reasoning, text: formatAnswer(request, sentences, conversation, random) };
    }
  }
}

function formatAnswer(
  request: ChatCompletionRequest,
  sentences: readonly string[],
  conversation: Conversation,
  random: SeededRandom,
): string {
  const format = request.response_format;
  const hints = { texts: sentences, numbers: [] };
  if (format?.type === 'json_schema') {
    return JSON.stringify(synthesiseFromSchema(format.json_schema.schema ?? {}, random, hints));
  }
  const asked = conversation.askedShape;
  if (asked !== undefined) {
    const value = synthesiseFromSchema(asked.schema, random, hints);
    return asked.markers === undefined || format?.type === 'json_object'
      ? JSON.stringify(value)
      : underMarkers(asked.markers, value);
  }
  if (format?.type !== 'json_object') return sentences.join(' ');
  return JSON.stringify({ answer: sentences.join(' '), turn: conversation.userTurns, sandbox: true });
}

/** As DSPy reads it: each field under its marker, a text without quotation marks. */
function underMarkers(names: readonly string[], value: JsonValue): string {
  const fields = value as Readonly<Record<string, JsonValue>>;
  const parts = names.map((name) => {
    const field = fields[name] ?? null;
    return `[[ ## ${name} ## ]]\n${typeof field === 'string' ? field : JSON.stringify(field)}\n\n`;
  });
  return `${parts.join('')}[[ ## completed ## ]]`;
}
