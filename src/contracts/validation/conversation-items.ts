import { list, ownField, refine, shape, tagged, textOr } from './composites.js';
import { audioPart, data, imageUrl, parts, refusalPart, textPart } from './content-parts.js';
import type { Path } from './issue.js';
import { chatMessage } from './messages.js';
import { choice, reportType, text } from './primitives.js';
import { isJsonObject, type Constraint, type Report } from './rule.js';

/** OpenAI's own. */
const MAX_ITEMS = 20;

const id = text({ min: 1 });

const imagePart = shape({
  required: { image_url: imageUrl },
  optional: { detail: choice('auto', 'low', 'high') },
});

const filePart = oneOrOther(
  'file_data',
  'file_id',
  shape({ optional: { filename: text(), file_data: data, file_id: text() } }),
);

const texts = { input_text: textPart, text: textPart };
const results = textOr(parts(texts));
const questions = textOr(
  parts({ ...texts, input_image: imagePart, input_file: filePart, input_audio: audioPart }),
);
const answers = textOr(parts({ ...texts, output_text: textPart, refusal: refusalPart }));

const spoken = (content: Constraint): Constraint =>
  shape({ required: { content }, optional: { name: text() } });

/** The kinds that a chat model can be sent. */
const KINDS: Readonly<Record<string, Constraint>> = {
  message: tagged('role', {
    user: spoken(questions),
    assistant: spoken(answers),
  }),
  function_call: shape({ required: { call_id: id, name: id, arguments: text() } }),
  function_call_output: oneOrOther(
    'call_id',
    'name',
    shape({ required: { output: results }, optional: { call_id: id, name: id } }),
  ),
  custom_tool_call: shape({ required: { call_id: id, name: id, input: text() } }),
  custom_tool_call_output: shape({ required: { call_id: id, output: results } }),
};

const KIND_NAMES = Object.keys(KINDS);
const KIND_BY_NAME = new Map(Object.entries(KINDS));

/** @see openai-openapi 2.3.0, InputItem; `InputItem` of `contracts/openai/conversation-item.ts` is what it picks */
const item: Constraint = {
  check(value, path, report, context) {
    if (!isJsonObject(value)) return reportType('object', value, path, report);
    if (isInstruction(value)) return reportInstruction(value, path, report);
    if (isChatMessage(value)) return chatMessage.check(value, path, report, context);
    const type = typeOf(value);
    const kind = KIND_BY_NAME.get(type as string);
    if (kind !== undefined) return kind.check(value, path, report, context);
    report({ kind: 'not_supported', supported: KIND_NAMES, path: [...path, 'type'], input: type });
  },
  pick(value, request) {
    const sent = value as Record<string, unknown>;
    if (isChatMessage(sent)) return chatMessage.pick?.(sent, request);
    const type = typeOf(sent);
    return { type, ...(KIND_BY_NAME.get(type as string)?.pick?.(sent, request) as object) };
  },
  schema: {
    anyOf: [
      ...Object.entries(KINDS).map(([type, kind]) => ({
        allOf: [
          {
            type: 'object',
            properties: { type: { type: 'string', enum: [type] } },
            ...(type === 'message'
              ? { description: 'Without a `type`, an item is a message.' }
              : { required: ['type'] }),
          },
          kind.schema,
        ],
      })),
      { description: 'A message of chat completions, as it is.', allOf: [chatMessage.schema] },
    ],
  },
};

export const items = list(item, { max: MAX_ITEMS });
export const someItems = list(item, { min: 1, max: MAX_ITEMS });

function typeOf(value: Record<string, unknown>): unknown {
  return ownField(value, 'type') ?? 'message';
}

function isInstruction(value: Record<string, unknown>): boolean {
  const role = ownField(value, 'role');
  return (role === 'system' || role === 'developer') && typeOf(value) === 'message';
}

/** Stored, it would speak to every later turn with an authority that a chatbot may not grant its callers. */
function reportInstruction({ role }: Record<string, unknown>, path: Path, report: Report): void {
  report({
    kind: 'conflict',
    message: `Invalid value: '${String(role)}'. Instructions are not stored in conversations: send them with each request, or give a chatbot a system prompt. Supported values are: 'user' and 'assistant'.`,
    code: 'invalid_value',
    path: [...path, 'role'],
    input: role,
  });
}

const CHAT_ROLES: ReadonlySet<unknown> = new Set(['tool', 'function']);
const CHAT_FIELDS = ['tool_calls', 'function_call', 'refusal'] as const;
const CHAT_PARTS: ReadonlySet<unknown> = new Set(['image_url', 'file']);

/** Without a type, and with something that only messages of chat completions have. */
function isChatMessage(value: Record<string, unknown>): boolean {
  if ((ownField(value, 'type') ?? null) !== null) return false;
  if (CHAT_ROLES.has(ownField(value, 'role'))) return true;
  if (CHAT_FIELDS.some((field) => (ownField(value, field) ?? null) !== null)) return true;
  const content = ownField(value, 'content');
  return Array.isArray(content) && content.some((part) => isJsonObject(part) && CHAT_PARTS.has(part['type']));
}

/** As `base`, with at least one of two optional fields; the first is the one that is missed. */
function oneOrOther(first: string, second: string, base: Constraint): Constraint {
  const refined = refine<Record<string, unknown>>(base, (value, path, report) => {
    if ((ownField(value, first) ?? ownField(value, second) ?? null) !== null) return;
    report({ kind: 'missing', path: [...path, first], input: value });
  });
  return {
    ...refined,
    schema: { allOf: [base.schema, { anyOf: [{ required: [first] }, { required: [second] }] }] },
  };
}
