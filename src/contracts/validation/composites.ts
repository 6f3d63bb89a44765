import type { SchemaObject } from '@nestjs/swagger';
import { formatPath, type ExpectedType, type Issue, type OpenAiWords, type Path } from './issue.js';
import { hasLostName } from './lost-names.js';
import { reportType, text } from './primitives.js';
import { isJsonObject, type Constraint, type Report, type RuleContext } from './rule.js';

export interface Size {
  readonly min?: number;
  readonly max: number;
}

/** An array. Its size is checked before its items: a flood is refused by its length alone. */
export function list(item: Constraint, { min = 0, max }: Size): Constraint {
  const { pick } = item;
  return {
    check(value, path, report, context) {
      if (!Array.isArray(value)) return reportType('array', value, path, report);
      if (!checkSize('array', value.length, { min, max }, value, path, report)) return;
      for (let i = 0; i < value.length; i += 1) item.check(value[i], [...path, i], report, context);
    },
    ...(pick !== undefined && {
      pick: (value, request) => (value as unknown[]).map((entry) => pick(entry, request)),
    }),
    schema: { type: 'array', items: item.schema, ...(min > 0 && { minItems: min }), maxItems: max },
  };
}

/** False, and reported, when there are too few or too many. */
export function checkSize(
  of: 'array' | 'object',
  actual: number,
  { min = 0, max }: Size,
  value: unknown,
  path: Path,
  report: Report,
): boolean {
  if (actual < min) report({ kind: 'too_short', of, limit: min, actual, path, input: value });
  else if (actual > max) report({ kind: 'too_long', of, limit: max, actual, path, input: value });
  return actual >= min && actual <= max;
}

const MAX_STEP_CHARS = 64;

/**
 * An object whose keys are the client's own.
 * @param shownKeyChars a key may be as long as the body; a path, which is repeated in errors, has this much of it
 */
export function dictionary(
  key: Constraint,
  value: Constraint,
  size: Size,
  shownKeyChars = MAX_STEP_CHARS,
): Constraint {
  return {
    check(object, path, report, context) {
      if (!isJsonObject(object)) return reportType('object', object, path, report);
      const keys = Object.keys(object);
      if (!checkSize('object', keys.length, size, object, path, report)) return;
      if (hasLostName(object)) reportLostName(path, report);
      for (const name of keys) {
        const at = [...path, name.length > shownKeyChars ? `${name.slice(0, shownKeyChars)}…` : name];
        key.check(name, at, report, context);
        value.check(object[name], at, report, context);
      }
    },
    schema: { type: 'object', additionalProperties: value.schema, maxProperties: size.max },
  };
}

/** Kept nowhere, `__proto__` is refused rather than dropped: nothing that a client names gets lost. */
function reportLostName(path: Path, report: Report): void {
  report({
    kind: 'conflict',
    message: `Invalid '${formatPath(path)}': no property may be called '__proto__'. Use another name.`,
    code: 'invalid_value',
    path: [...path, '__proto__'],
    input: '__proto__',
  });
}

/** An object that is passed on whole and never looked into, such as a JSON Schema. */
export const opaqueObject: Constraint = {
  check(value, path, report) {
    if (!isJsonObject(value)) reportType('object', value, path, report);
  },
  schema: { type: 'object', additionalProperties: true },
};

export interface ShapeFields {
  readonly required?: Readonly<Record<string, Constraint>>;
  /** `null` is the same as absent. */
  readonly optional?: Readonly<Record<string, Constraint>>;
}

/** An object with known fields; others are ignored and dropped. */
export function shape({ required = {}, optional = {} }: ShapeFields): Constraint {
  const needed = Object.entries(required);
  const allowed = Object.entries(optional);
  const all = [...needed, ...allowed];
  return {
    check(value, path, report, context) {
      if (!isJsonObject(value)) return reportType('object', value, path, report);
      for (const [name, constraint] of needed) {
        const field = ownField(value, name);
        if (field === undefined) report({ kind: 'missing', path: [...path, name], input: value });
        else constraint.check(field, [...path, name], report, context);
      }
      for (const [name, constraint] of allowed) {
        const field = ownField(value, name) ?? undefined;
        if (field !== undefined) constraint.check(field, [...path, name], report, context);
      }
    },
    pick(value, request) {
      const picked: Record<string, unknown> = {};
      for (const [name, constraint] of all) {
        const field = ownField(value as Record<string, unknown>, name) ?? undefined;
        if (field === undefined) continue;
        picked[name] = constraint.pick === undefined ? field : constraint.pick(field, request);
      }
      return picked;
    },
    schema: {
      type: 'object',
      properties: Object.fromEntries([
        ...needed.map(([name, constraint]) => [name, constraint.schema]),
        ...allowed.map(([name, constraint]) => [name, orNull(constraint.schema)]),
      ]) as Record<string, SchemaObject>,
      ...(needed.length > 0 && { required: needed.map(([name]) => name) }),
    },
  };
}

/** How a field is published where `null` is the same as absent. */
export function orNull(schema: SchemaObject): SchemaObject {
  return { anyOf: [schema, { type: 'null' }] };
}

/** A field that the client sent itself, never one inherited from `Object.prototype`. */
export function ownField(object: Record<string, unknown>, name: string): unknown {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}

/** Objects told apart by the text in one field, each variant a `shape` of the other fields. */
export function tagged(tag: string, variants: Readonly<Record<string, Constraint>>): Constraint {
  const supported = Object.keys(variants);
  const byTag = new Map(Object.entries(variants));
  return {
    check(value, path, report, context) {
      if (!isJsonObject(value)) return reportType('object', value, path, report);
      const name = ownField(value, tag);
      if (name === undefined) return report({ kind: 'missing', path: [...path, tag], input: value });
      const variant = byTag.get(name as string);
      if (variant !== undefined) return variant.check(value, path, report, context);
      report({ kind: 'not_supported', supported, path: [...path, tag], input: name });
    },
    pick(value, request) {
      const name = (value as Record<string, string>)[tag] as string;
      return { [tag]: name, ...(byTag.get(name)?.pick?.(value, request) as object | undefined) };
    },
    schema: { oneOf: supported.map((name) => withTag(tag, name, variants[name]?.schema)) },
  };
}

function withTag(tag: string, name: string, schema: SchemaObject = {}): SchemaObject {
  return {
    ...schema,
    properties: { [tag]: { type: 'string', enum: [name] }, ...schema.properties },
    required: [tag, ...(schema.required ?? [])],
  };
}

export interface Arm {
  /** Names the arm where a dialect lists arms; without one, only the first arm's type is told. */
  readonly label?: string;
  readonly expected: ExpectedType;
  readonly accepts: (value: unknown) => boolean;
  readonly constraint: Constraint;
}

/**
 * One of several types. The first arm that accepts the value judges it alone, so the client is told what is wrong with
 * what they meant; only a value that no arm accepts fails as a union.
 *
 * @param expected as in "expected one of a string or array of strings"
 */
export function union(expected: string, ...arms: readonly Arm[]): Constraint {
  const told = arms.some((arm) => arm.label !== undefined) ? arms : arms.slice(0, 1);
  const faultArms = told.map((arm) => ({
    expected: arm.expected,
    ...(arm.label !== undefined && { label: arm.label }),
  }));
  return {
    check(value, path, report, context) {
      const arm = arms.find(({ accepts }) => accepts(value));
      if (arm === undefined) {
        report({ kind: 'no_union_arm', expected, arms: faultArms, path, input: value });
      } else if (arm.label === undefined) {
        arm.constraint.check(value, path, report, context);
      } else {
        const { label } = arm;
        arm.constraint.check(value, path, (issue) => report(throughArm(issue, path, label)), context);
      }
    },
    pick(value, request) {
      const pick = arms.find(({ accepts }) => accepts(value))?.constraint.pick;
      return pick === undefined ? value : pick(value, request);
    },
    schema: { oneOf: arms.map((arm) => arm.constraint.schema) },
  };
}

function throughArm(issue: Issue, at: Path, label: string): Issue {
  const loc = issue.loc ?? issue.path;
  return { ...issue, loc: [...loc.slice(0, at.length), label, ...loc.slice(at.length)] };
}

/** As `base`, with one more rule that runs only on what `base` lets pass: it may trust the value's type. */
export function refine<T>(
  base: Constraint,
  rule: (value: T, path: Path, report: Report, context: RuleContext) => void,
): Constraint {
  return {
    ...base,
    check(value, path, report, context) {
      let sound = true;
      base.check(
        value,
        path,
        (issue) => {
          sound = false;
          report(issue);
        },
        context,
      );
      if (sound) rule(value as T, path, report, context);
    },
  };
}

/** As `base`, where OpenAI says some faults in words of their own; `undefined` leaves those of the kind. */
export function inOpenAiWords(
  base: Constraint,
  words: (issue: Issue, context: RuleContext) => OpenAiWords | undefined,
): Constraint {
  return {
    ...base,
    check: (value, path, report, context) =>
      base.check(
        value,
        path,
        (issue) => {
          const openai = words(issue, context);
          report(openai === undefined ? issue : { ...issue, openai });
        },
        context,
      ),
  };
}

export const isString = (value: unknown): boolean => typeof value === 'string';

/** Text, or an array of parts. */
export function textOr(parts: Constraint): Constraint {
  return union(
    'one of a string or array of objects',
    { expected: 'string', accepts: isString, constraint: text() },
    { expected: 'array', accepts: Array.isArray, constraint: parts },
  );
}
