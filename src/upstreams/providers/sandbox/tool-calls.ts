import type { Conversation } from './conversation.js';
import { synthesiseFromSchema, type ValueHints } from './json-schema/synthesise.js';
import type { OfferedTool, ToolDemand } from './offered-tools.js';
import { quote } from './quote.js';
import type { SeededRandom } from './random.js';
import { findMentionedTools } from './tool-mention.js';
import type { Turns } from './turns.js';

export interface DraftToolCall {
  readonly id: string;
  readonly kind: OfferedTool['kind'];
  readonly name: string;
  /** JSON of a function's arguments, or a custom tool's free text. */
  readonly input: string;
}

const MOST_CALLS = 8;

/**
 * The calls that an answer makes. `auto` calls what a fresh user message mentions and never calls twice in a row for
 * one message; `required` calls at least one.
 */
export async function draftToolCalls(
  demand: ToolDemand,
  conversation: Conversation,
  random: SeededRandom,
  turns: Turns,
): Promise<DraftToolCall[]> {
  const text = conversation.lastUserText ?? '';
  const calls: DraftToolCall[] = [];
  for (const tool of chooseTools(demand, conversation, text)) {
    await turns.ifDue();
    const { kind, name } = tool;
    const id = `call_${random.alphanumeric(24)}`;
    calls.push({ id, kind, name, input: inputFor(tool, text, random) });
  }
  return calls;
}

function chooseTools(demand: ToolDemand, conversation: Conversation, text: string): OfferedTool[] {
  const { mode, offered } = demand;
  const [first] = offered;
  if (mode === 'none' || first === undefined) return [];
  if (mode === 'auto' && !conversation.endsWithUser) return [];
  const mentioned = findMentionedTools(offered, text);
  if (mentioned.length === 0) return mode === 'required' ? [first] : [];
  return mentioned.slice(0, demand.parallel ? MOST_CALLS : 1);
}

function inputFor(tool: OfferedTool, text: string, random: SeededRandom): string {
  if (tool.kind === 'custom') return `Input for ${tool.name}: ${quote(text)}`;
  if (tool.parameters === undefined) return '{}';
  return JSON.stringify(synthesiseFromSchema(tool.parameters, random, hintsOf(text)));
}

/** What a user's words offer as argument values: quoted text, then names (capitals inside a sentence), then numbers. */
function hintsOf(text: string): ValueHints {
  const read = text.slice(0, 2_000);
  const quoted = Array.from(read.matchAll(/["“]([^"“”]{1,60})["”]/g), (match) => match[1] as string);
  const names = Array.from(read.matchAll(NAMES), (match) => match[0]);
  const numbers = Array.from(read.matchAll(/(?<![\w.])-?\d{1,9}(?:\.\d{1,6})?(?!\w)/g), (match) =>
    Number(match[0]),
  );
  return { texts: [...quoted, ...names], numbers };
}

const NAMES = /(?<=[a-z,:] )\p{Lu}[\p{L}\p{N}-]{1,40}(?: \p{Lu}[\p{L}\p{N}-]{1,40}){0,3}/gu;
