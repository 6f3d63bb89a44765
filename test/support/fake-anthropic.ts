import type { ServerResponse } from 'node:http';
import { FakeVendor, openStream, sendJson, type Responder, type SeenRequest } from './fake-vendor.js';

export const ANTHROPIC_KEY = 'sk-ant-api03-fake-fake-fake-fake';

type Block =
  | { type: 'text'; text: string }
  | { type: 'thinking'; thinking: string; signature: string }
  | { type: 'tool_use'; id: string; name: string; input: Record<string, unknown> };

export interface FakeMessage {
  content: Block[];
  stop_reason: string | null;
  usage: Record<string, unknown>;
}

const HELLO: FakeMessage = {
  content: [{ type: 'text', text: 'Hello there.' }],
  stop_reason: 'end_turn',
  usage: { input_tokens: 12, output_tokens: 5 },
};

/**
 * Anthropic's Messages API: checks key, version and `max_tokens`, and says one message either whole or as its events.
 * @see https://docs.claude.com/en/api/messages-streaming
 */
export class FakeAnthropic extends FakeVendor {
  get baseUrl(): string {
    return `${this.origin}/v1`;
  }

  protected override respond(request: SeenRequest, response: ServerResponse): void {
    if (request.headers['x-api-key'] !== ANTHROPIC_KEY) {
      sendAnthropicError(response, 401, 'authentication_error', 'invalid x-api-key');
    } else if (request.headers['anthropic-version'] !== '2023-06-01') {
      sendAnthropicError(response, 400, 'invalid_request_error', 'anthropic-version: header is required');
    } else if (!Number.isInteger(request.body['max_tokens'])) {
      sendAnthropicError(response, 400, 'invalid_request_error', 'max_tokens: Field required');
    } else {
      say(request, response, HELLO);
    }
  }
}

/** Answers with this message, whole or streamed as the request asks. */
export function anthropicMessage(message: Partial<FakeMessage>): Responder {
  return (request, response) => say(request, response, { ...HELLO, ...message });
}

export function sendAnthropicError(
  response: ServerResponse,
  status: number,
  type: string,
  message: string,
  headers: Record<string, string> = {},
): void {
  sendJson(response, status, { type: 'error', error: { type, message }, request_id: 'req_011' }, headers);
}

export function anthropicFailure(
  status: number,
  type: string,
  message: string,
  headers: Record<string, string> = {},
): Responder {
  return (_, response) => sendAnthropicError(response, status, type, message, headers);
}

/** One event in Anthropic's form: named, and with its name again in the data. */
export function anthropicEvent(data: { type: string } & Record<string, unknown>): string {
  return `event: ${data.type}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** The events of a message, up to but not including its end when `complete` is false. */
export function anthropicEvents(message: FakeMessage, complete = true): string[] {
  const { output_tokens: outputTokens, ...inputUsage } = message.usage;
  const events = [
    anthropicEvent({
      type: 'message_start',
      message: {
        id: 'msg_01',
        type: 'message',
        role: 'assistant',
        model: 'claude-sonnet-4-5',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { ...inputUsage, output_tokens: 1 },
      },
    }),
    anthropicEvent({ type: 'ping' }),
    ...message.content.flatMap(blockEvents),
  ];
  if (!complete) return events;
  events.push(
    anthropicEvent({
      type: 'message_delta',
      delta: { stop_reason: message.stop_reason, stop_sequence: null },
      usage: { ...message.usage, output_tokens: outputTokens },
    }),
    anthropicEvent({ type: 'message_stop' }),
  );
  return events;
}

function blockEvents(block: Block, index: number): string[] {
  const { start, deltas } = parts(block);
  return [
    anthropicEvent({ type: 'content_block_start', index, content_block: start }),
    ...deltas.map((delta) => anthropicEvent({ type: 'content_block_delta', index, delta })),
    anthropicEvent({ type: 'content_block_stop', index }),
  ];
}

function parts(block: Block): { start: unknown; deltas: unknown[] } {
  switch (block.type) {
    case 'text':
      return {
        start: { type: 'text', text: '' },
        deltas: halves(block.text).map((text) => ({ type: 'text_delta', text })),
      };
    case 'thinking':
      return {
        start: { type: 'thinking', thinking: '', signature: '' },
        deltas: [
          ...halves(block.thinking).map((thinking) => ({ type: 'thinking_delta', thinking })),
          { type: 'signature_delta', signature: block.signature },
        ],
      };
    case 'tool_use': {
      const json = Object.keys(block.input).length === 0 ? '' : JSON.stringify(block.input);
      return {
        start: { type: 'tool_use', id: block.id, name: block.name, input: {} },
        deltas: ['', ...halves(json)].map((partial) => ({ type: 'input_json_delta', partial_json: partial })),
      };
    }
  }
}

function halves(text: string): string[] {
  const middle = Math.ceil(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)].filter((half) => half !== '');
}

function say(request: SeenRequest, response: ServerResponse, message: FakeMessage): void {
  if (request.body['stream'] !== true) {
    sendJson(response, 200, {
      id: 'msg_01',
      type: 'message',
      role: 'assistant',
      model: request.body['model'],
      stop_sequence: null,
      ...message,
    });
    return;
  }
  openStream(response);
  for (const event of anthropicEvents(message)) response.write(event);
  response.end();
}
