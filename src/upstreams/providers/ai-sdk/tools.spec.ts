import { describe, expect, it } from '@jest/globals';
import type { Tool } from '../../../contracts/openai/chat-completion.js';
import { toToolOptions, type ToolOptions } from './tools.js';

const A: Tool = {
  type: 'function',
  function: { name: 'a', description: 'A', parameters: { type: 'object' }, strict: true },
};
const B: Tool = { type: 'function', function: { name: 'b' } };
const A_TOOL = {
  type: 'function',
  name: 'a',
  description: 'A',
  inputSchema: { type: 'object' },
  strict: true,
};
const B_TOOL = { type: 'function', name: 'b', inputSchema: { type: 'object', properties: {} } };

function allowed(mode: 'auto' | 'required', ...names: string[]): ToolOptions {
  const tools = names.map((name) => ({ type: 'function', function: { name } }));
  return toToolOptions({
    tools: [A, B],
    tool_choice: { type: 'allowed_tools', allowed_tools: { mode, tools } },
  });
}

describe('toToolOptions', () => {
  it('says nothing without tools, whatever the choice', () => {
    expect(toToolOptions({})).toEqual({});
    expect(toToolOptions({ tool_choice: 'auto' })).toEqual({});
  });

  it('maps tools, with an empty object as schema where there is none', () => {
    expect(toToolOptions({ tools: [A, B] })).toEqual({ tools: [A_TOOL, B_TOOL] });
  });

  it('case 66: maps none, auto, required and a named tool', () => {
    for (const choice of ['none', 'auto', 'required'] as const) {
      expect(toToolOptions({ tools: [A], tool_choice: choice }).toolChoice).toEqual({ type: choice });
    }
    expect(
      toToolOptions({ tools: [A], tool_choice: { type: 'function', function: { name: 'a' } } }).toolChoice,
    ).toEqual({
      type: 'tool',
      toolName: 'a',
    });
  });

  it('allowed_tools shows the model those tools only', () => {
    expect(allowed('required', 'b')).toEqual({ tools: [B_TOOL], toolChoice: { type: 'required' } });
    expect(() => allowed('auto', 'c')).toThrow(expect.objectContaining({ param: 'tool_choice' }));
  });

  it('refuses custom tools and legacy functions', () => {
    const custom: Tool = { type: 'custom', custom: { name: 'c' } };
    expect(() => toToolOptions({ tools: [A, custom] })).toThrow(
      expect.objectContaining({ param: 'tools[1].type' }),
    );
    expect(() =>
      toToolOptions({ tools: [A], tool_choice: { type: 'custom', custom: { name: 'c' } } }),
    ).toThrow(expect.objectContaining({ param: 'tool_choice' }));
    expect(() => toToolOptions({ functions: [{ name: 'f' }] })).toThrow(
      expect.objectContaining({ param: 'functions' }),
    );
  });
});
