import type { ChatDelta, FinishReason } from '../../../contracts/openai/chat-completion.js';
import { endedEarly } from '../../upstream-failures.js';
import type { UpstreamError } from '../../upstream.errors.js';
import type { ChatChunk } from '../../upstream.port.js';
import type { FinishReasonReader } from './finish-reason.js';
import type { StreamPart } from './language-model.js';
import { toUsage, type VendorUsage } from './usage.js';

interface OpenToolCall {
  readonly index: number;
  /** A fragment of the arguments has been passed on. */
  begun: boolean;
}

/**
 * Turns the stream parts of one choice into chunks: role in the first one, text and reasoning as they come, tool calls
 * named once under a dense index and continued by fragments, a finish chunk last. Stateful: one instance a choice.
 */
export class ChoiceStream {
  /** The vendor has said why it stopped; nothing after that counts (U23). */
  finished = false;
  /** Known once it has finished, when the vendor counted. */
  usage: VendorUsage | undefined;

  private roleSent = false;
  private readonly toolCalls = new Map<string, OpenToolCall>();

  constructor(
    private readonly index: number,
    private readonly finishReason: FinishReasonReader,
  ) {}

  /**
   * @returns the chunk of this part; `undefined` when it says nothing that the wire has a place for
   * @throws UpstreamError when the answer failed; whatever an error part holds
   */
  next(part: StreamPart): ChatChunk | undefined {
    switch (part.type) {
      case 'text-delta':
        return part.delta === '' ? undefined : this.chunk({ content: part.delta });
      case 'reasoning-delta':
        return part.delta === '' ? undefined : this.chunk({ reasoning_content: part.delta });
      case 'tool-input-start':
        return part.providerExecuted === true ? undefined : this.openToolCall(part.id, part.toolName);
      case 'tool-input-delta':
        return this.continueToolCall(part.id, part.delta);
      case 'tool-call':
        return part.providerExecuted === true
          ? undefined
          : this.completeToolCall(part.toolCallId, part.toolName, part.input);
      case 'finish':
        return this.finish(part);
      case 'error':
        throw part.error;
      default:
        return undefined;
    }
  }

  /**
   * What it is when the stream ends before it has finished (U18).
   * @param byClose see `Attempt.endsByClose`
   */
  unfinished(byClose: boolean): UpstreamError {
    return endedEarly('the stream ended without a finish reason', byClose);
  }

  private finish(part: Extract<StreamPart, { type: 'finish' }>): ChatChunk {
    const finishReason = this.finishReason(part.finishReason);
    this.usage = toUsage(part.usage);
    this.finished = true;
    return this.chunk({}, finishReason);
  }

  private openToolCall(id: string, name: string): ChatChunk {
    const index = this.toolCalls.size;
    this.toolCalls.set(id, { index, begun: false });
    return this.chunk({ tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }] });
  }

  private continueToolCall(id: string, fragment: string): ChatChunk | undefined {
    const call = this.toolCalls.get(id);
    if (call === undefined || fragment === '') return undefined;
    call.begun = true;
    return this.chunk({ tool_calls: [{ index: call.index, function: { arguments: fragment } }] });
  }

  /** Calls without arguments, and calls that come whole, have had no fragment so far. */
  private completeToolCall(id: string, name: string, input: string): ChatChunk | undefined {
    const call = this.toolCalls.get(id);
    if (call !== undefined) return call.begun ? undefined : this.continueToolCall(id, input);
    const index = this.toolCalls.size;
    this.toolCalls.set(id, { index, begun: true });
    return this.chunk({
      tool_calls: [{ index, id, type: 'function', function: { name, arguments: input } }],
    });
  }

  private chunk(delta: ChatDelta, finishReason: FinishReason | null = null): ChatChunk {
    const role: ChatDelta = this.roleSent ? {} : { role: 'assistant' };
    this.roleSent = true;
    return { choices: [{ index: this.index, delta: { ...role, ...delta }, finish_reason: finishReason }] };
  }
}
