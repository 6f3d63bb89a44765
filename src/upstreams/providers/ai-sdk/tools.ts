import type { ChatCompletionRequest, Tool, ToolChoice } from '../../../contracts/openai/chat-completion.js';
import type { FunctionTool, ModelToolChoice } from './language-model.js';
import { refusal } from './refusal.js';

export interface ToolOptions {
  readonly tools?: FunctionTool[];
  readonly toolChoice?: ModelToolChoice;
}

type ToolRequest = Pick<ChatCompletionRequest, 'tools' | 'tool_choice' | 'functions' | 'function_call'>;

/**
 * Tools and tool choice. `allowed_tools` becomes a shorter list of tools, which is what it means for the model.
 *
 * @throws UpstreamError `upstream_rejected_request` for custom tools and the legacy `functions`
 */
export function toToolOptions(request: ToolRequest): ToolOptions {
  if (request.functions !== undefined)
    throw refusal('This model does not know functions. Use tools.', 'functions');
  const tools = (request.tools ?? []).map(toFunctionTool);
  if (tools.length === 0) return {};
  const { tool_choice: choice } = request;
  if (choice === undefined) return { tools };
  if (typeof choice === 'string') return { tools, toolChoice: { type: choice } };
  switch (choice.type) {
    case 'function':
      return { tools, toolChoice: { type: 'tool', toolName: choice.function.name } };
    case 'allowed_tools': {
      const names = allowedNames(choice);
      const allowed = tools.filter((tool) => names.has(tool.name));
      if (allowed.length === 0) throw refusal('None of the allowed tools stands in tools.', 'tool_choice');
      return { tools: allowed, toolChoice: { type: choice.allowed_tools.mode } };
    }
    case 'custom':
      throw refusal('This model does not know custom tools.', 'tool_choice');
  }
}

function toFunctionTool(tool: Tool, index: number): FunctionTool {
  if (tool.type !== 'function')
    throw refusal('This model does not know custom tools.', `tools[${index}].type`);
  const { name, description, parameters, strict } = tool.function;
  return {
    type: 'function',
    name,
    inputSchema: parameters ?? { type: 'object', properties: {} },
    ...(description === undefined ? {} : { description }),
    ...(strict === true ? { strict } : {}),
  };
}

function allowedNames(choice: Extract<ToolChoice, { type: 'allowed_tools' }>): Set<unknown> {
  return new Set(
    choice.allowed_tools.tools.map((tool) => {
      const definition = tool['function'];
      return typeof definition === 'object' && definition !== null && 'name' in definition
        ? definition.name
        : undefined;
    }),
  );
}
