import type { ChatChunkChoice, ChatCompletionRequest } from '../../contracts/openai/chat-completion.js';
import type {
  CompletionChunkChoice,
  CompletionLogprobs,
  CompletionRequest,
} from '../../contracts/openai/completion.js';
import type { ChatChunk, CompletionChunk, ReportedUsage } from '../../upstreams/upstream.port.js';
import type { ChatPreset } from './chat-preset.js';
import { choiceCount, toChatRequest } from './chat-request.js';
import { toCompletionFinishReason } from './chat-answer.js';
import { codePoints, LogprobsConverter, tokensOf } from './logprobs.js';

/** Turns the chat chunks that answer one prompt into completion chunks. Stateful: one instance a prompt. */
export class PromptStream {
  readonly chatRequest: ChatCompletionRequest;
  /** As last reported; kept out of the chunks, since only all prompts together are the answer's usage. */
  usage: ReportedUsage;
  private readonly choices: readonly ChoiceStream[];

  /** @param firstIndex index of the prompt's first choice in the whole answer */
  constructor(
    request: CompletionRequest,
    readonly prompt: string,
    firstIndex: number,
    preset?: ChatPreset,
  ) {
    this.chatRequest = toChatRequest(request, prompt, preset);
    const start = request.logprobs === undefined ? undefined : codePoints(prompt);
    this.choices = Array.from({ length: choiceCount(request) }, (_, position) => {
      const logprobs = start === undefined ? undefined : new LogprobsConverter(start);
      return new ChoiceStream(firstIndex + position, request.echo === true ? prompt : undefined, logprobs);
    });
  }

  /** Whether every choice that was asked for has come to its end. */
  get finished(): boolean {
    return this.choices.every((choice) => choice.finished);
  }

  /** What a chunk says, one choice a chunk; empty where a completion has no place for it (roles, reasoning). */
  next(chunk: ChatChunk): CompletionChunk[] {
    if (chunk.usage !== undefined && chunk.usage !== null) this.usage = chunk.usage;
    const said: CompletionChunk[] = [];
    for (const choice of chunk.choices) this.choices[choice.index]?.next(choice, said);
    const { system_fingerprint } = chunk;
    return system_fingerprint === undefined ? said : said.map((each) => ({ ...each, system_fingerprint }));
  }
}

/** One choice: the echoed prompt before the first thing it says, its text, then an empty text that says why it ended. */
class ChoiceStream {
  finished = false;
  private begun = false;
  private hasContent = false;

  constructor(
    private readonly index: number,
    private readonly echo: string | undefined,
    private readonly logprobs: LogprobsConverter | undefined,
  ) {}

  next(choice: ChatChunkChoice, said: CompletionChunk[]): void {
    if (this.finished) return;
    const text = this.textOf(choice);
    const logprobs = this.logprobsOf(choice, text);
    const { finish_reason: finishReason } = choice;
    if (text === '' && logprobs === null && finishReason === null) return;

    // Not before: a client that has read something can be told of a failure in the stream only, not by a status.
    if (!this.begun && this.echo !== undefined) {
      said.push(this.chunk({ text: this.echo, echoedChars: this.echo.length }));
    }
    this.begun = true;
    if (text !== '' || logprobs !== null) said.push(this.chunk({ text, logprobs }));
    if (finishReason !== null) {
      this.finished = true;
      said.push(this.chunk({ finish_reason: toCompletionFinishReason(finishReason) }));
    }
  }

  private textOf({ delta }: ChatChunkChoice): string {
    if (delta.content) {
      this.hasContent = true;
      return delta.content;
    }
    return this.hasContent ? '' : (delta.refusal ?? '');
  }

  private logprobsOf(choice: ChatChunkChoice, text: string): CompletionLogprobs | null {
    if (this.logprobs === undefined) return null;
    const tokens = tokensOf(choice.logprobs);
    if (tokens !== undefined && tokens.length > 0) return this.logprobs.convert(tokens);
    this.logprobs.skip(text);
    return null;
  }

  private chunk(news: Partial<CompletionChunk['choices'][number]>): CompletionChunk {
    const nothing: CompletionChunkChoice = {
      text: '',
      index: this.index,
      logprobs: null,
      finish_reason: null,
    };
    return { choices: [{ ...nothing, ...news }] };
  }
}
