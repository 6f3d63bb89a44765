import type { WireChunk } from './wire-stream.js';
import { MODEL } from './tollgate.js';
import type { WireSurface } from './wire-surfaces.js';

const DONE = 'data: [DONE]\n\n';

/** Of a choice's first chunk, as the dialect writes it. */
const FIRST_DELTA = {
  W: '{"role":"assistant","content":"","refusal":null}',
  Q: '{"role":"assistant"}',
  L: '{"role":"assistant","content":"","refusal":null}',
} as const;

/** The usage of `wireUsage()`, 9 and 3 tokens, as JSON text. */
const TOKENS =
  '"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,' +
  '"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},' +
  '"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}';
const CREDITS = `"total_credit":0.01,"total_cost":0.0000102,"breakdown":{"model":{"model":"${MODEL}","credit":0.01,"cost":0.00001}}`;

/**
 * Writes by hand, to the byte, what a stream should consist of. Only what the gateway makes up (id, time, conversation)
 * is taken from the stream itself: from its first frame, so every later frame is held to it.
 */
export class ExpectedFrames {
  readonly done = DONE;
  /** In every chunk but the usage chunk: `,"usage":null` where usage was asked for. */
  usageNull = '';
  private readonly head: string;
  /** Without what the upstream says of itself. */
  private readonly bareHead: string;
  private readonly conversation: string;

  constructor(
    private readonly surface: Pick<WireSurface, 'name'>,
    response: Response,
    text: string,
    object = 'chat.completion.chunk',
  ) {
    const first = JSON.parse(text.slice('data: '.length, text.indexOf('\n'))) as WireChunk;
    this.bareHead = `data: {"id":"${first.id}","object":"${object}","created":${first.created},"model":"${first.model}"`;
    this.head = this.bareHead + this.fingerprint(first);
    const conversation = response.headers.get('x-conversation-id');
    this.conversation = conversation === null ? '' : `,"conversation_id":"${conversation}"`;
  }

  /** What the upstream said of itself, taken from the first frame as well. */
  private fingerprint({ system_fingerprint: name }: WireChunk): string {
    return name === undefined ? '' : `,"system_fingerprint":"${name}"`;
  }

  /** One chunk of one choice; `rest` is what stands between delta and reason. */
  delta(json: string, { index = 0, rest = '' } = {}): string {
    const logprobs = rest === '' ? ',"logprobs":null' : rest;
    return this.chunk(`{"index":${index},"delta":${json}${logprobs},"finish_reason":null}`);
  }

  role(index = 0): string {
    return this.delta(FIRST_DELTA[this.surface.name], { index });
  }

  content(text: string, index = 0): string {
    return this.delta(`{"content":${JSON.stringify(text)}}`, { index });
  }

  finish(reason = 'stop', index = 0): string {
    return this.chunk(
      `{"index":${index},"delta":{},"logprobs":null,"finish_reason":"${reason}"}`,
      this.conversation,
    );
  }

  /** A chunk of a legacy completion. */
  text(text: string, finishReason?: string, index = 0): string {
    const reason = finishReason === undefined ? 'null' : `"${finishReason}"`;
    return this.chunk(
      `{"text":${JSON.stringify(text)},"index":${index},"logprobs":null,"finish_reason":${reason}}`,
    );
  }

  usage(): string {
    const usage = this.surface.name === 'Q' ? `${TOKENS},${CREDITS}` : TOKENS;
    const head = this.surface.name === 'Q' ? this.bareHead : this.head;
    return `${head},"choices":[],"usage":{${usage}}${this.conversation}}\n\n`;
  }

  /** What comes after `[DONE]`. */
  trailer(): string {
    return this.surface.name === 'Q' ? this.usage() : '';
  }

  failure(message: string, code: 'upstream_error' | 'timeout' = 'upstream_error'): string {
    const error = { message, type: 'server_error', param: null, code };
    return `data: ${JSON.stringify({ error, detail: message })}\n\n`;
  }

  private chunk(choice: string, rest = ''): string {
    return `${this.head},"choices":[${choice}]${this.usageNull}${rest}}\n\n`;
  }
}
