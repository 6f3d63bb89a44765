import type { ChatCompletionRequest, FunctionDefinition } from '../../../contracts/openai/chat-completion.js';
import { UpstreamError } from '../../upstream.errors.js';

export interface OfferedTool {
  readonly kind: 'function' | 'custom';
  readonly name: string;
  readonly description: string;
  /** JSON Schema of a function's arguments; undefined: it takes none. */
  readonly parameters: Record<string, unknown> | undefined;
}

/** What a request wants done about tools, its four forms of `tool_choice` and the legacy form made one. */
export interface ToolDemand {
  readonly offered: readonly OfferedTool[];
  readonly mode: 'none' | 'auto' | 'required';
  readonly parallel: boolean;
  /** `functions` was used: the answer goes into `function_call`. */
  readonly legacy: boolean;
}

/** @throws UpstreamError `upstream_rejected_request` when a named tool is not offered */
export function readToolDemand(request: ChatCompletionRequest): ToolDemand {
  if (request.tools === undefined || request.tools.length === 0) return readLegacyDemand(request);
  const offered = request.tools.map(toOffered);
  const parallel = request.parallel_tool_calls ?? true;
  const choice = request.tool_choice ?? 'auto';
  if (typeof choice === 'string') return { offered, mode: choice, parallel, legacy: false };
  if (choice.type === 'allowed_tools') {
    const names = new Set<unknown>(offered.map((tool) => tool.name));
    const allowed = new Set<unknown>();
    for (const entry of choice.allowed_tools.tools) {
      const name = nameOfAllowed(entry);
      if (names.has(name)) allowed.add(name);
    }
    const { mode } = choice.allowed_tools;
    return { offered: offered.filter((tool) => allowed.has(tool.name)), mode, parallel, legacy: false };
  }
  const name = choice.type === 'custom' ? choice.custom.name : choice.function.name;
  return { offered: [named(offered, name, 'tool_choice')], mode: 'required', parallel: false, legacy: false };
}

function readLegacyDemand(request: ChatCompletionRequest): ToolDemand {
  const offered = (request.functions ?? []).map(fromFunction);
  const choice = request.function_call ?? 'auto';
  if (typeof choice === 'string') return { offered, mode: choice, parallel: false, legacy: true };
  const only = named(offered, choice.name, 'function_call');
  return { offered: [only], mode: 'required', parallel: false, legacy: true };
}

function named(offered: readonly OfferedTool[], name: string, param: string): OfferedTool {
  const found = offered.find((tool) => tool.name === name);
  if (found !== undefined) return found;
  throw new UpstreamError('upstream_rejected_request', `'${param}' names a tool that is not offered.`, {
    upstreamStatus: 400,
    param,
  });
}

function toOffered(tool: NonNullable<ChatCompletionRequest['tools']>[number]): OfferedTool {
  if (tool.type === 'function') return fromFunction(tool.function);
  const { name, description = '' } = tool.custom;
  return { kind: 'custom', name, description, parameters: undefined };
}

function fromFunction({ name, description = '', parameters }: FunctionDefinition): OfferedTool {
  return { kind: 'function', name, description, parameters };
}

/** An entry of `allowed_tools.tools` is `{type, function: {name}}`, `{type, custom: {name}}` or `{type, name}`. */
function nameOfAllowed(entry: Record<string, unknown>): unknown {
  const inner = entry['function'] ?? entry['custom'] ?? entry;
  return typeof inner === 'object' && inner !== null && 'name' in inner ? inner.name : undefined;
}
