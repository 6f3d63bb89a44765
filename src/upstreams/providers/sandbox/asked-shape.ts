import { isObject, type JsonObject } from './json-schema/schema-document.js';

/** The shape that a message asks an answer to have. */
export interface AskedShape {
  readonly schema: JsonObject;
  /** The names of its fields, each to stand under a marker of its own; undefined: the answer is JSON. */
  readonly markers: readonly string[] | undefined;
}

/**
 * What adapters put into a prompt where they do not use `response_format`: a JSON Schema (Instructor, LangChain's output
 * parsers, the AI SDK, LlamaIndex), or a list of fields (DSPy). The last user message comes first, then the
 * instructions; in each the last schema counts, because examples stand before it.
 */
export function findAskedShape(userText = '', instructions = ''): AskedShape | undefined {
  const fields = findFields(userText, instructions);
  if (fields !== undefined) return fields;
  const schema = findSchema(userText) ?? findSchema(instructions);
  return schema === undefined ? undefined : { schema, markers: undefined };
}

/** What a schema's nesting may be, as in a request's own JSON. */
const DEEPEST = 200;
/** Starts of objects that are tried beside those that end where they should: a bound on reading a text again. */
const MOST_FALSE_STARTS = 16;

/** The last JSON Schema that stands in `text`, bare, in a code block or within an object that wraps it. */
export function findSchema(text: string): JsonObject | undefined {
  let found: JsonObject | undefined;
  let falseStarts = 0;
  for (let start = text.indexOf('{'); start >= 0;) {
    const end = endOfObject(text, start);
    const value = end === undefined ? undefined : parseObject(text.slice(start, end));
    if (value === undefined) falseStarts += 1;
    else found = schemaIn(value) ?? found;
    if (falseStarts > MOST_FALSE_STARTS && end === undefined) break;
    const again = value === undefined && falseStarts <= MOST_FALSE_STARTS;
    start = text.indexOf('{', again ? start + 1 : end);
  }
  return found;
}

/** Just behind the brace that closes the one at `start`; undefined: none does, or it is too deep. */
function endOfObject(text: string, start: number): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let at = start; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    if (quoted) {
      if (unit === BACKSLASH) at += 1;
      else if (unit === QUOTE) quoted = false;
    } else if (unit === QUOTE) quoted = true;
    else if (unit === OPEN || unit === OPEN_LIST) {
      depth += 1;
      if (depth > DEEPEST) return undefined;
    } else if (unit === CLOSE || unit === CLOSE_LIST) {
      depth -= 1;
      if (depth === 0) return at + 1;
    }
  }
  return undefined;
}

const [QUOTE, BACKSLASH, OPEN, CLOSE, OPEN_LIST, CLOSE_LIST] = [0x22, 0x5c, 0x7b, 0x7d, 0x5b, 0x5d];

function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The value itself, or what it wraps as `schema`, `json_schema` or `parameters`, where that is a schema. */
function schemaIn(value: JsonObject, depth = 0): JsonObject | undefined {
  if (looksLikeSchema(value)) return value;
  if (depth > 2) return undefined;
  for (const name of ['schema', 'json_schema', 'parameters']) {
    const inner = value[name];
    const schema = isObject(inner) ? schemaIn(inner, depth + 1) : undefined;
    if (schema !== undefined) return schema;
  }
  return undefined;
}

const TYPES = new Set<unknown>(['object', 'array', 'string', 'number', 'integer', 'boolean', 'null']);

/** Strict enough that data with a `type` of its own is none. */
function looksLikeSchema(value: JsonObject): boolean {
  const { properties, items, type } = value;
  if (typeof value['$schema'] === 'string') return true;
  if (isObject(properties) && (type === undefined || type === 'object')) {
    return Object.values(properties).every((property) => isObject(property) || typeof property === 'boolean');
  }
  if (type === 'array' && isObject(items)) return isPart(items);
  if (typeof value['$ref'] === 'string') return isObject(value['$defs']) || isObject(value['definitions']);
  return ['anyOf', 'oneOf', 'allOf'].some((keyword) => {
    const parts = value[keyword];
    return Array.isArray(parts) && parts.length > 0 && parts.every((part) => isObject(part) && isPart(part));
  });
}

function isPart(value: JsonObject): boolean {
  return (
    TYPES.has(value['type']) || typeof value['$ref'] === 'string' || 'enum' in value || looksLikeSchema(value)
  );
}

const WITH_MARKERS = 'Respond with the corresponding output fields, starting with the field ';
const AS_JSON = 'Respond with a JSON object in the following order of fields: ';
const MOST_CHARS_OF_FIELDS = 20_000;
const MOST_FIELDS = 100;

/** DSPy's fields: the last message names them, the instructions say what each may be. */
function findFields(userText: string, instructions: string): AskedShape | undefined {
  const marked = userText.lastIndexOf(WITH_MARKERS);
  const start = Math.max(marked, userText.lastIndexOf(AS_JSON));
  if (start < 0) return undefined;
  const asked = userText.slice(start, start + MOST_CHARS_OF_FIELDS);
  const names = new Map<string, string>();
  const field =
    marked === start
      ? /`\[\[ ## (\w{1,200}) ## \]\]`( \(must be [^`]{1,200})?/g
      : /`(\w{1,200})`( \(must be [^`]{1,200})?/g;
  for (const [, name = '', type = ''] of asked.matchAll(field)) {
    if (names.size < MOST_FIELDS && !(marked === start && name === 'completed')) names.set(name, type);
  }
  if (names.size === 0) return undefined;
  const properties = Object.fromEntries(
    Array.from(names, ([name, type]) => [name, schemaOfField(name, type, instructions)]),
  );
  const schema = { type: 'object', properties, required: [...names.keys()], additionalProperties: false };
  return { schema, markers: marked === start ? [...names.keys()] : undefined };
}

const NOTE = '        # note: the value you produce ';

function schemaOfField(name: string, type: string, instructions: string): JsonObject {
  const start = instructions.indexOf(`{${name}}${NOTE}`);
  const line =
    start < 0 ? '' : (/[^\n]*/.exec(instructions.slice(start + name.length + 2 + NOTE.length))?.[0] ?? '');
  const note = line.replaceAll('\\"', '"');
  const adhere = note.indexOf('JSON schema: ');
  if (adhere >= 0) {
    const end = endOfObject(note, note.indexOf('{', adhere));
    return (end === undefined ? undefined : parseObject(note.slice(note.indexOf('{', adhere), end))) ?? {};
  }
  const choice = /one of: ([^"]+)/.exec(note)?.[1];
  if (choice !== undefined) return { enum: choice.split('; ').map((value) => value.trim()) };
  if (note.startsWith('must be True') || type.includes('Python bool')) return { type: 'boolean' };
  if (note.startsWith('must be a single int') || type.includes('Python int')) return { type: 'integer' };
  if (note.startsWith('must be a single float') || type.includes('Python float')) return { type: 'number' };
  return { type: 'string' };
}
