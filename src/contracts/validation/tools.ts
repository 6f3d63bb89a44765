import { isChatbotId } from '../../common/ids/chatbot-id.js';
import type { ChatCompletionRequest, ToolChoice } from '../openai/chat-completion.js';
import { isString, list, opaqueObject, ownField, refine, shape, tagged, union } from './composites.js';
import { MAX_FUNCTIONS, MAX_TOOLS } from './limits.js';
import type { Path } from './issue.js';
import { choice, flag, text } from './primitives.js';
import { isJsonObject, type Report, type RuleContext } from './rule.js';

const NAME = text({ pattern: /^[A-Za-z0-9_-]{1,64}$/ });
const named = shape({ required: { name: text({ min: 1 }) } });

const functionDefinition = shape({
  required: { name: NAME },
  optional: { description: text(), parameters: opaqueObject, strict: flag },
});

/** @see openai-openapi 2.3.0, ChatCompletionTool, CustomToolChatCompletions */
export const tool = tagged('type', {
  function: shape({ required: { function: functionDefinition } }),
  custom: shape({
    required: {
      custom: shape({
        required: { name: text({ min: 1 }) },
        optional: { description: text(), format: opaqueObject },
      }),
    },
  }),
});

export const tools = list(tool, { min: 1, max: MAX_TOOLS });

/** The deprecated twin of `tools`. */
export const functions = list(functionDefinition, { min: 1, max: MAX_FUNCTIONS });

const toolReference = tagged('type', {
  function: shape({ required: { function: named } }),
  custom: shape({ required: { custom: named } }),
});

/** A tool choice by itself, whatever tools there are. */
export const toolChoiceForms = union(
  'one of a string or object',
  { expected: 'string', accepts: isString, constraint: choice('none', 'auto', 'required') },
  {
    expected: 'object',
    accepts: isJsonObject,
    constraint: tagged('type', {
      function: shape({ required: { function: named } }),
      custom: shape({ required: { custom: named } }),
      allowed_tools: shape({
        required: {
          allowed_tools: shape({
            required: {
              mode: choice('auto', 'required'),
              tools: list(toolReference, { min: 1, max: MAX_TOOLS }),
            },
          }),
        },
      }),
    }),
  },
);

export const toolChoice = refine(toolChoiceForms, (value: ToolChoice, path, report, context) => {
  if (!mayMeanChatbotsTools(context)) checkToolChoice(value, context.request['tools'], path, report);
});

/** A chatbot may have tools of its own: `checkToolUse` judges when they are known. */
function mayMeanChatbotsTools({ request }: RuleContext): boolean {
  const { model, tools: given } = request;
  return given === undefined && typeof model === 'string' && isChatbotId(model);
}

/** "none" and "auto" ask for nothing, so they may stand without tools; every other form must name tools that are there. */
export function checkToolChoice(value: ToolChoice, given: unknown, path: Path, report: Report): void {
  if (value === 'none' || value === 'auto') return;
  if (given === undefined) return refuseWithout('tools', 'tool_choice', value, path, report);
  if (value === 'required') return;
  const names = namesOf(given);
  for (const name of namesAskedFor(value)) {
    if (names.has(name)) continue;
    return report({
      kind: 'conflict',
      message: `Tool choice '${name.slice(0, 64)}' not found in 'tools' parameter.`,
      code: null,
      path,
      input: value,
    });
  }
}

export const parallelToolCalls = refine(flag, (value: boolean, path, report, context) => {
  if (!mayMeanChatbotsTools(context)) checkParallelCalls(value, context.request['tools'], path, report);
});

/**
 * Judges how a request to a chatbot uses tools, which validation had to let pass, in the words of any other request.
 * @param given the tools that it is sent with
 */
export function checkToolUse(
  {
    tool_choice: chosen,
    parallel_tool_calls: parallel,
  }: Pick<ChatCompletionRequest, 'tool_choice' | 'parallel_tool_calls'>,
  given: ChatCompletionRequest['tools'],
  report: Report,
): void {
  if (chosen !== undefined) checkToolChoice(chosen, given, ['tool_choice'], report);
  if (parallel !== undefined) checkParallelCalls(parallel, given, ['parallel_tool_calls'], report);
}

function checkParallelCalls(value: boolean, given: unknown, path: Path, report: Report): void {
  if (given === undefined) refuseWithout('tools', 'parallel_tool_calls', value, path, report);
}

/** The deprecated twin of `toolChoice`. */
export const functionCallChoice = refine(
  union(
    'one of a string or object',
    { expected: 'string', accepts: isString, constraint: choice('none', 'auto') },
    { expected: 'object', accepts: isJsonObject, constraint: named },
  ),
  (value, path, report, context) => {
    if (isJsonObject(value) && context.request['functions'] === undefined) {
      refuseWithout('functions', 'function_call', value, path, report);
    }
  },
);

function refuseWithout(listName: string, field: string, input: unknown, path: Path, report: Report): void {
  report({
    kind: 'conflict',
    message: `Invalid value for '${field}': '${field}' is only allowed when '${listName}' are specified.`,
    code: null,
    path,
    input,
  });
}

/** Names in `tools`, which may itself be at fault: what has no name gives none. */
function namesOf(given: unknown): Set<string> {
  const names = new Set<string>();
  if (!Array.isArray(given)) return names;
  for (const each of given as unknown[]) {
    if (isJsonObject(each)) addName(each, names);
  }
  return names;
}

function namesAskedFor(chosen: Exclude<ToolChoice, string>): Set<string> {
  const names = new Set<string>();
  const references = chosen.type === 'allowed_tools' ? chosen.allowed_tools.tools : [{ ...chosen }];
  for (const reference of references) addName(reference, names);
  return names;
}

function addName(given: Record<string, unknown>, names: Set<string>): void {
  const body = ownField(given, given['type'] === 'custom' ? 'custom' : 'function');
  if (isJsonObject(body) && typeof body['name'] === 'string') names.add(body['name']);
}
