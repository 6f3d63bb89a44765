import type {
  AssistantMessage,
  ChatChoice,
  ChatChunkChoice,
  ChoiceLogprobs,
  FinishReason,
  ToolCall,
  ToolCallDelta,
} from '../contracts/openai/chat-completion.js';
import { joinAudio, type SpokenAudio } from '../contracts/openai/spoken-audio.js';
import { leastCharsOfToken } from '../surfaces/answer-text.js';
import type { ChatAnswer, ChatChunk } from '../upstreams/upstream.port.js';

/**
 * Of all choices together, as JSON at least: beyond that they are left out, or a text of them could be longer than any can
 * be: in the transaction of a charge that would undo the charges of others.
 */
const MOST_LOGPROB_CHARS = 64 * 1024 * 1024;

/** Characters of log probabilities so far, of all choices. */
interface LogprobTally {
  chars: number;
}

/** Puts the chunks of a stream together to the answer that a request without `stream` would have had. */
export class AnswerRecorder {
  /** @param mostSoundChars of base64 that are kept of each choice; of a longer answer only its words are */
  constructor(private readonly mostSoundChars: number) {}

  private readonly choices: RecordedChoice[] = [];
  private readonly logprobs: LogprobTally = { chars: 0 };
  private fingerprint: string | undefined;
  private tier: string | undefined;

  add(chunk: ChatChunk): void {
    this.fingerprint ??= chunk.system_fingerprint;
    this.tier ??= chunk.service_tier;
    for (const choice of chunk.choices)
      (this.choices[choice.index] ??= new RecordedChoice(this.mostSoundChars, this.logprobs)).add(choice);
    if (this.logprobs.chars > MOST_LOGPROB_CHARS) for (const choice of this.choices) choice?.dropLogprobs();
  }

  /** @param openReason for choices that the upstream did not end itself */
  answer(openReason: FinishReason): Omit<ChatAnswer, 'usage'> {
    return {
      choices: this.choices.flatMap((choice, index) => choice.toChoice(index, openReason)),
      ...(this.fingerprint === undefined ? {} : { system_fingerprint: this.fingerprint }),
      ...(this.tier === undefined ? {} : { service_tier: this.tier }),
    };
  }
}

class RecordedChoice {
  private readonly message: AssistantMessage = { role: 'assistant', content: null, refusal: null };
  private readonly calls = new Map<number, ToolCall>();
  private readonly logprobs: ChoiceLogprobs = { content: null, refusal: null };
  private audio: SpokenAudio[] = [];
  private finishReason: FinishReason | undefined;

  private soundChars = 0;

  constructor(
    private readonly mostSoundChars: number,
    private readonly tally: LogprobTally,
  ) {}

  add({ delta, finish_reason, logprobs }: ChatChunkChoice): void {
    const { message } = this;
    if (delta.content) message.content = (message.content ?? '') + delta.content;
    if (delta.refusal) message.refusal = (message.refusal ?? '') + delta.refusal;
    if (delta.reasoning_content) {
      message.reasoning_content = (message.reasoning_content ?? '') + delta.reasoning_content;
    }
    for (const [position, call] of (delta.tool_calls ?? []).entries()) this.addCall(call, position);
    if (delta.function_call) {
      const call = (message.function_call ??= { name: '', arguments: '' });
      call.name += delta.function_call.name ?? '';
      call.arguments += delta.function_call.arguments ?? '';
    }
    if (delta.annotations) append((message.annotations ??= []), delta.annotations);
    if (delta.audio) this.addAudio(delta.audio);
    if (logprobs) this.addLogprobs(logprobs);
    if (finish_reason !== null) this.finishReason = finish_reason;
  }

  dropLogprobs(): void {
    this.logprobs.content = null;
    this.logprobs.refusal = null;
  }

  toChoice(index: number, openReason: FinishReason): ChatChoice {
    const calls = [...this.calls.values()];
    const audio = joinAudio(this.audio);
    const { content, refusal } = this.logprobs;
    return {
      index,
      message: {
        ...this.message,
        ...(calls.length === 0 ? {} : { tool_calls: calls }),
        ...(audio && { audio }),
      },
      finish_reason: this.finishReason ?? openReason,
      logprobs: content === null && refusal === null ? null : { ...this.logprobs },
    };
  }

  private addAudio(piece: SpokenAudio): void {
    const before = this.soundChars;
    this.soundChars += piece.data?.length ?? 0;
    const tooLong = this.soundChars > this.mostSoundChars;
    if (tooLong && before <= this.mostSoundChars) this.audio = this.audio.map(wordsOf);
    this.audio.push(tooLong ? wordsOf(piece) : piece);
  }

  private addLogprobs({ content, refusal }: ChoiceLogprobs): void {
    if (this.tally.chars > MOST_LOGPROB_CHARS) return;
    for (const entry of [...(content ?? []), ...(refusal ?? [])]) {
      this.tally.chars += leastCharsOfToken(entry.top_logprobs?.length ?? 0);
    }
    if (content) append((this.logprobs.content ??= []), content);
    if (refusal) append((this.logprobs.refusal ??= []), refusal);
  }

  private addCall(delta: ToolCallDelta, position: number): void {
    const index = Number.isInteger(delta.index) ? delta.index : position;
    const known = this.calls.get(index);
    if (known === undefined) {
      this.calls.set(
        index,
        delta.type === 'custom' || delta.custom !== undefined
          ? { id: delta.id ?? '', type: 'custom', custom: { name: '', input: '', ...delta.custom } }
          : {
              id: delta.id ?? '',
              type: 'function',
              function: { name: '', arguments: '', ...delta.function },
            },
      );
    } else if (known.type === 'function') {
      known.function.name ||= delta.function?.name ?? '';
      known.function.arguments += delta.function?.arguments ?? '';
    } else {
      known.custom.name ||= delta.custom?.name ?? '';
      known.custom.input += delta.custom?.input ?? '';
    }
  }
}

/** One by one: as arguments of one call a hundred thousand are too many. */
function append<Entry>(entries: Entry[], more: readonly Entry[]): void {
  for (const entry of more) entries.push(entry);
}

function wordsOf({ data: _sound, ...words }: SpokenAudio): SpokenAudio {
  return words;
}
