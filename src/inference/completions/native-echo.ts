import { map, type MonoTypeOperatorFunction } from 'rxjs';
import type { CompletionPrompt, CompletionRequest } from '../../contracts/openai/completion.js';
import type { CompletionAnswer, CompletionChunk } from '../../upstreams/upstream.port.js';

/**
 * Marks how much of a native answer's text is only the echoed prompt: it was not generated, so it is neither counted
 * as output nor held against `max_tokens`. Prompts of token ids have no text that we know; theirs is not marked.
 */
export function markEcho(request: CompletionRequest, answer: CompletionAnswer): CompletionAnswer {
  if (request.echo !== true) return answer;
  const echo = new EchoReader(request);
  return {
    ...answer,
    choices: answer.choices.map((choice) => ({
      ...choice,
      echoedChars: choice.echoedChars ?? echo.take(choice.index, choice.text.length),
    })),
  };
}

/** The same for a stream, whose choices begin with the prompt in any number of pieces. */
export function markStreamedEcho(request: CompletionRequest): MonoTypeOperatorFunction<CompletionChunk> {
  if (request.echo !== true) return (source) => source;
  const echo = new EchoReader(request);
  return map((chunk) => ({
    ...chunk,
    choices: chunk.choices.map((choice) => ({
      ...choice,
      echoedChars: choice.echoedChars ?? echo.take(choice.index, choice.text.length),
    })),
  }));
}

/** Counts off, per choice, the characters of its prompt that are still to be repeated. */
class EchoReader {
  private readonly left = new Map<number, number>();
  private readonly promptChars: readonly number[];
  private readonly choicesPerPrompt: number;

  constructor(request: CompletionRequest) {
    this.promptChars = charsOfPrompts(request.prompt);
    this.choicesPerPrompt = request.n ?? 1;
  }

  /** @returns how many of the next `chars` characters of this choice are echo */
  take(index: number, chars: number): number {
    const total = this.promptChars[Math.floor(index / this.choicesPerPrompt)] ?? 0;
    const left = this.left.get(index) ?? total;
    const echoed = Math.min(left, chars);
    this.left.set(index, left - echoed);
    return echoed;
  }
}

function charsOfPrompts(prompt: CompletionPrompt): number[] {
  if (typeof prompt === 'string') return [prompt.length];
  return prompt.map((part) => (typeof part === 'string' ? part.length : 0));
}
