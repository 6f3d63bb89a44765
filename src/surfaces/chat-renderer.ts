import { randomBytes } from 'node:crypto';
import type { ChatChunkChoice, ToolCallDelta } from '../contracts/openai/chat-completion.js';
import { CodePointJoiner } from './code-point-joiner.js';
import {
  dialectFinishReason,
  renderChatCompletion,
  WITHHELD_TEXT,
  type RenderableChat,
} from './chat-answer.js';
import { AnswerRenderer, type AnswerFacts, type RendererOptions } from './answer-renderer.js';

interface RenderableChunk extends AnswerFacts {
  readonly choices: readonly ChatChunkChoice[];
}

interface OpenChoice {
  roleSent: boolean;
  refusalSent: boolean;
  readonly content: CodePointJoiner;
  finishReason: string | undefined;
  /** Upstream's tool index → ours, dense from 0 in order of appearance. */
  toolIndex: Map<number, number>;
}

/**
 * A chat answer, whole or as chunks in the forms that every client we tried reads: role in the first chunk of a choice only, non-empty
 * content, tool calls named once and continued by argument fragments alone, an empty delta with the finish reason.
 * The first chunk of a choice waits for something to say, so that an upstream that fails before its first token still
 * gets a real HTTP status.
 */
export class ChatRenderer extends AnswerRenderer<RenderableChat, RenderableChunk> {
  private readonly open: (OpenChoice | undefined)[] = [];

  constructor(options: RendererOptions) {
    super('chat.completion.chunk', options);
  }

  protected override body(answer: RenderableChat): Record<string, unknown> {
    return renderChatCompletion(this.envelope, answer, undefined, this.options.surface);
  }

  override chunk(chunk: RenderableChunk): string {
    this.readFacts(chunk);
    let frames = '';
    for (const choice of chunk.choices) frames += this.choice(choice);
    return frames;
  }

  protected override finishFrames(openReason: 'stop' | 'length' | 'error'): string {
    const failed = openReason === 'error';
    let frames = '';
    this.open.forEach((state, index) => {
      if (state === undefined) return;
      const reason = failed
        ? 'error'
        : dialectFinishReason(state.finishReason ?? openReason, this.options.surface);
      const withheld = !failed && state.finishReason === 'content_filter' && reason === 'stop';
      if (!state.roleSent) frames += this.frame(index, this.options.surface.firstDeltaJson);
      if (withheld && !state.refusalSent) {
        frames += this.frame(index, `{"refusal":${JSON.stringify(WITHHELD_TEXT)}}`);
      }
      frames += this.frame(index, '{}', 'null', JSON.stringify(reason), this.finishTail);
    });
    return frames;
  }

  private choice(choice: ChatChunkChoice): string {
    const { index, delta } = choice;
    const state = this.stateOf(index);
    const logprobs = choice.logprobs ? JSON.stringify(choice.logprobs) : 'null';
    let frames = '';

    if (delta.reasoning_content) {
      const thought = JSON.stringify(delta.reasoning_content);
      // Clients read the one name or the other.
      frames += this.say(index, state, `{"reasoning_content":${thought},"reasoning":${thought}}`);
    }
    if (delta.content) {
      const content = state.content.take(delta.content);
      if (content !== '')
        frames += this.say(index, state, `{"content":${JSON.stringify(content)}}`, logprobs);
    } else if (logprobs !== 'null') {
      frames += this.say(index, state, '{"content":""}', logprobs);
    }
    if (delta.refusal) {
      state.refusalSent = true;
      frames += this.say(index, state, `{"refusal":${JSON.stringify(delta.refusal)}}`);
    }
    if (delta.tool_calls) {
      for (const [position, call] of delta.tool_calls.entries())
        frames += this.toolCall(index, state, call, position);
    }
    if (delta.function_call) {
      frames += this.say(index, state, JSON.stringify({ function_call: delta.function_call }));
    }
    if (delta.annotations && delta.annotations.length > 0) {
      frames += this.say(index, state, JSON.stringify({ annotations: delta.annotations }));
    }
    if (delta.audio) frames += this.say(index, state, JSON.stringify({ audio: delta.audio }));
    if (choice.finish_reason !== null) state.finishReason = choice.finish_reason;
    return frames;
  }

  private toolCall(index: number, state: OpenChoice, call: ToolCallDelta, position: number): string {
    const upstreamIndex = Number.isInteger(call.index) ? call.index : position;
    const fragment = call.function?.arguments ?? call.custom?.input ?? '';
    const known = state.toolIndex.get(upstreamIndex);
    const custom = call.type === 'custom' || call.custom !== undefined;
    const body = custom ? 'custom' : 'function';
    const argument = custom ? 'input' : 'arguments';
    const ours = known ?? state.toolIndex.size;
    let frames = '';
    if (known === undefined) {
      state.toolIndex.set(upstreamIndex, ours);
      const name = (custom ? call.custom?.name : call.function?.name) ?? '';
      const first = {
        index: ours,
        id: call.id ?? '',
        type: body,
        [body]: { name, [argument]: '' },
      };
      frames += this.say(index, state, `{"tool_calls":[${JSON.stringify(first)}]}`);
    }
    if (fragment !== '') {
      const next = `{"tool_calls":[{"index":${ours},"${body}":{"${argument}":${JSON.stringify(fragment)}}}]}`;
      frames += this.say(index, state, next);
    }
    return frames;
  }

  private say(index: number, state: OpenChoice, delta: string, logprobs = 'null'): string {
    const frame = this.frame(index, delta, logprobs);
    return state.roleSent ? frame : this.role(index, state) + frame;
  }

  private role(index: number, state: OpenChoice): string {
    state.roleSent = true;
    return this.frame(index, this.options.surface.firstDeltaJson);
  }

  private frame(
    index: number,
    delta: string,
    logprobs = 'null',
    finishReason = 'null',
    tail = this.tail,
  ): string {
    const choice = `{"index":${index},"delta":${delta},"logprobs":${logprobs},"finish_reason":${finishReason}}`;
    if (!this.options.includeObfuscation) return this.head + choice + tail;
    // Random padding hides the length of a token from who watches the encrypted stream.
    const padding = randomBytes(16)
      .toString('base64url')
      .slice(0, 1 + ((delta.length * 7) % 16));
    return `${this.head}${choice}${tail.slice(0, -3)},"obfuscation":"${padding}"}\n\n`;
  }

  private stateOf(index: number): OpenChoice {
    return (this.open[index] ??= {
      roleSent: false,
      refusalSent: false,
      content: new CodePointJoiner(),
      finishReason: undefined,
      toolIndex: new Map(),
    });
  }
}
