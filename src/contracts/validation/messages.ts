import type { ChatMessage, ChatRole } from '../openai/chat-completion.js';
import { checkSize, list, orNull, ownField, refine, shape, tagged, textOr } from './composites.js';
import { assistantParts, textParts, userParts } from './content-parts.js';
import type { Path } from './issue.js';
import { MAX_MESSAGES, MAX_TEXT_CHARS, MAX_TOOL_CALLS } from './limits.js';
import { reportType, text } from './primitives.js';
import { isJsonObject, type Constraint, type Report, type RuleContext } from './rule.js';
import { checkToolOrder } from './tool-order.js';

interface RoleRules {
  readonly content: Constraint;
  /** `null` content says something: an assistant that only called tools, a function that returned nothing. */
  readonly contentMayBeNull: (message: Record<string, unknown>) => boolean;
  readonly required: readonly (readonly [name: string, constraint: Constraint])[];
  readonly optional: readonly (readonly [name: string, constraint: Constraint])[];
}

const name = text();
const never = (): boolean => false;
const functionCall = shape({ required: { name: text({ min: 1 }), arguments: text() } });
const toolCalls = list(
  tagged('type', {
    function: shape({ required: { id: text({ min: 1 }), function: functionCall } }),
    custom: shape({
      required: {
        id: text({ min: 1 }),
        custom: shape({ required: { name: text({ min: 1 }), input: text() } }),
      },
    }),
  }),
  { min: 1, max: MAX_TOOL_CALLS },
);

const spoken = (content: Constraint): RoleRules => ({
  content: textOr(content),
  contentMayBeNull: never,
  required: [],
  optional: [['name', name]],
});

/** In the order in which OpenAI lists them. */
const ROLES: Readonly<Record<ChatRole, RoleRules>> = {
  system: spoken(textParts),
  assistant: {
    content: textOr(assistantParts),
    contentMayBeNull: (message) =>
      ['tool_calls', 'function_call', 'refusal', 'audio'].some((field) => (message[field] ?? null) !== null),
    required: [],
    optional: [
      ['name', name],
      ['refusal', text()],
      ['reasoning_content', text()],
      ['reasoning', text()],
      ['tool_calls', toolCalls],
      ['function_call', functionCall],
      ['audio', shape({ required: { id: text({ min: 1 }) } })],
    ],
  },
  user: spoken(userParts),
  function: {
    content: textOr(textParts),
    contentMayBeNull: () => true,
    required: [['name', name]],
    optional: [],
  },
  tool: {
    content: textOr(textParts),
    contentMayBeNull: never,
    required: [['tool_call_id', text({ min: 1 })]],
    optional: [['name', name]],
  },
  developer: spoken(textParts),
};

const ROLE_NAMES = Object.keys(ROLES);
const RULES_BY_ROLE = new Map(Object.entries(ROLES));

/**
 * Written by hand rather than built of `shape`s, because this is the one field that grows: a plain
 * text message costs two lookups and no allocation but its copy.
 * @see openai-openapi 2.3.0, ChatCompletionRequestMessage
 */
const conversation: Constraint = {
  check(value, path, report, context) {
    if (!Array.isArray(value)) return reportType('array', value, path, report);
    if (!checkSize('array', value.length, { min: 1, max: MAX_MESSAGES }, value, path, report)) return;
    for (let i = 0; i < value.length; i += 1) checkMessage(value[i], path, i, report, context);
  },
  pick: (value, request) => (value as Record<string, unknown>[]).map((each) => pickMessage(each, request)),
  schema: {
    type: 'array',
    minItems: 1,
    maxItems: MAX_MESSAGES,
    items: { oneOf: Object.entries(ROLES).map(([role, rules]) => schemaOf(role, rules)) },
  },
};

/** The conversation: each message by itself, then that calls and answers of tools fit together. */
export const messages = refine<readonly ChatMessage[]>(conversation, (value, path, report, context) =>
  checkToolOrder(value, path, report, goesOn(context) ? 'unknown' : undefined),
);

/** Whether the request names a conversation: what it goes on from is stored, not sent. */
function goesOn({ surface, request }: RuleContext): boolean {
  const { conversation_id: id } = request;
  return surface.conversations && typeof id === 'string' && id !== '' && id !== 'UID';
}

/** One message of a list, by itself: the last step of its path is its index. */
export const chatMessage: Constraint = {
  check: (value, path, report, context) =>
    checkMessage(value, path.slice(0, -1), Number(path.at(-1)), report, context),
  pick: (value, request) => pickMessage(value as Record<string, unknown>, request),
  schema: { oneOf: Object.entries(ROLES).map(([role, rules]) => schemaOf(role, rules)) },
};

function checkMessage(
  message: unknown,
  path: Path,
  index: number,
  report: Report,
  context: RuleContext,
): void {
  if (!isJsonObject(message)) return reportType('object', message, [...path, index], report);
  const role = ownField(message, 'role');
  const rules = RULES_BY_ROLE.get(role as string);
  if (rules === undefined) return reportRole(message, role, [...path, index], report);

  const content = ownField(message, 'content');
  if (typeof content !== 'string' || content.length > MAX_TEXT_CHARS) {
    const empty = content === undefined || content === null;
    if (!empty || !rules.contentMayBeNull(message)) {
      checkField('content', rules.content, message, [...path, index], report, context);
    }
  }
  for (const [field, constraint] of rules.required) {
    checkField(field, constraint, message, [...path, index], report, context);
  }
  for (const [field, constraint] of rules.optional) {
    if ((ownField(message, field) ?? null) !== null) {
      checkField(field, constraint, message, [...path, index], report, context);
    }
  }
}

function checkField(
  field: string,
  constraint: Constraint,
  message: Record<string, unknown>,
  path: Path,
  report: Report,
  context: RuleContext,
): void {
  const value = ownField(message, field);
  if (value === undefined) report({ kind: 'missing', path: [...path, field], input: message });
  else constraint.check(value, [...path, field], report, context);
}

/** Without a role only one more thing is certain: that there must be content. */
function reportRole(message: Record<string, unknown>, role: unknown, path: Path, report: Report): void {
  if (role === undefined) report({ kind: 'missing', path: [...path, 'role'], input: message });
  else report({ kind: 'not_supported', supported: ROLE_NAMES, path: [...path, 'role'], input: role });
  if (ownField(message, 'content') === undefined) {
    report({ kind: 'missing', path: [...path, 'content'], input: message });
  }
}

function pickMessage(
  message: Record<string, unknown>,
  request: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const role = message['role'] as string;
  const rules = RULES_BY_ROLE.get(role);
  const picked: Record<string, unknown> = { role };
  if (rules === undefined) return picked;
  const content = ownField(message, 'content');
  if (content !== undefined) {
    picked['content'] =
      typeof content === 'string' || content === null ? content : rules.content.pick?.(content, request);
  }
  for (const fields of [rules.required, rules.optional]) {
    for (const [field, constraint] of fields) {
      const value = ownField(message, field) ?? undefined;
      if (value === undefined) continue;
      picked[field] = constraint.pick === undefined ? value : constraint.pick(value, request);
    }
  }
  unifyReasoning(picked);
  return picked;
}

/** Two names of one thing, of which the older is kept. It also wins, as upstreams that know both have it. */
function unifyReasoning(message: Record<string, unknown>): void {
  const { reasoning } = message;
  if (reasoning === undefined) return;
  delete message['reasoning'];
  message['reasoning_content'] ||= reasoning;
}

function schemaOf(role: string, rules: RoleRules): Constraint['schema'] {
  const contentMayLack = rules.contentMayBeNull !== never;
  return {
    type: 'object',
    properties: {
      role: { type: 'string', enum: [role] },
      content: contentMayLack ? orNull(rules.content.schema) : rules.content.schema,
      ...Object.fromEntries(rules.required.map(([field, constraint]) => [field, constraint.schema])),
      ...Object.fromEntries(rules.optional.map(([field, constraint]) => [field, orNull(constraint.schema)])),
    },
    required: ['role', ...(contentMayLack ? [] : ['content']), ...rules.required.map(([field]) => field)],
  };
}
