import { quote } from './quote.js';
import type { SeededRandom } from './random.js';

/** Goes on from where a prompt ends; begins with a space and is longer than the 16 tokens that OpenAI gives by default. */
export function continuePrompt(prompt: string, random: SeededRandom): string {
  const tail = Array.from(prompt.slice(-80)).slice(-40).join('').trim();
  const ending = tail === '' ? 'an empty line' : quote(tail);
  return [
    random.pick([
      ` and from there the sandbox takes over, right after ${ending}.`,
      ` is where your prompt stops; the sandbox read it up to ${ending}.`,
      ` and so it goes on, beginning at ${ending}.`,
    ]),
    random.pick([
      'Nothing here was thought up by a model.',
      'These words come from a list, not from a model.',
      'A real model would now surprise you.',
    ]),
    random.pick([
      'Ask for fewer tokens and you will see less of this sentence, cut exactly where you said.',
      'Give a stop sequence and the text ends just before it, however far it was going to run.',
      'The same prompt and seed bring back the very same words, another seed may bring others.',
    ]),
    random.pick(['The end.', 'And that is that.', 'More is not to be had.']),
  ].join(' ');
}
