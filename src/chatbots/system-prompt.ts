import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import type { ChatbotSettings } from './chatbot.js';

/** `{{name}}`; blanks may stand beside the name. Each quantifier is bounded, so a text is read in linear time. */
const VARIABLE = /\{\{[ \t]{0,16}([A-Za-z_][A-Za-z0-9_]{0,63})[ \t]{0,16}\}\}/g;

/** The variables that a system prompt uses, in order, as often as it does. */
export function variablesOf(systemPrompt: string): string[] {
  return Array.from(systemPrompt.matchAll(VARIABLE), ([, name = '']) => name);
}

/**
 * The system prompt of a chatbot for one request: each variable is what the request's `metadata` has under its name,
 * else the chatbot's own value. A value is text and nothing else: braces in it are not looked at again.
 *
 * @param metadata `undefined`: a legacy completion, which cannot say any
 * @throws ValidationFailedError at `metadata`, naming the first variable that has no value anywhere
 */
export function renderSystemPrompt(
  { systemPrompt, variables }: Pick<ChatbotSettings, 'systemPrompt' | 'variables'>,
  metadata: Readonly<Record<string, string>> | undefined,
): string {
  return systemPrompt.replace(VARIABLE, (_variable, name: string) => {
    if (metadata !== undefined && Object.hasOwn(metadata, name)) return metadata[name] ?? '';
    if (Object.hasOwn(variables, name)) return variables[name] ?? '';
    throw missing(name, metadata);
  });
}

function missing(
  name: string,
  metadata: Readonly<Record<string, string>> | undefined,
): ValidationFailedError {
  const need =
    metadata === undefined
      ? "legacy completions have no 'metadata', so its value must come from the chatbot's 'variables', or from " +
        `'metadata.${name}' of a chat completion.`
      : `this chatbot needs 'metadata.${name}' as a string.`;
  const message = `Missing variable '${name}': ${need}`;
  const code = 'missing_required_parameter';
  const sent = metadata ?? {};
  return new ValidationFailedError([{ kind: 'conflict', message, code, path: ['metadata'], input: sent }], {
    metadata: sent,
  });
}
