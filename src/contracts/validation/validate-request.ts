import { validateSync } from 'class-validator';
import { ownField } from './composites.js';
import { fieldsOf, openRun, type DeclaredField } from './field.decorator.js';
import type { Issue } from './issue.js';
import { readOnlyFieldsOf } from './known-fields-only.decorator.js';
import { MAX_ISSUES } from './limits.js';
import { isJsonObject, type Report, type ValidationContext } from './rule.js';
import { reportUnknownFields } from './unknown-fields.js';
import { ValidationFailedError } from './validation.errors.js';

/** `target` and `value` would tie the whole request to errors that nobody reads: issues say more. */
const OPTIONS = { forbidUnknownValues: false, validationError: { target: false, value: false } };

/**
 * Makes a request of a parsed body: checked, and rebuilt of the fields that its class declares. Unknown fields, unless the
 * class is `@KnownFieldsOnly`, and `null` in optional ones are dropped at every depth that we know, but where a field says
 * what its `null` means; nothing is coerced. Large values are shared with `body`, not copied.
 *
 * @param Dto a class whose properties carry `@Field`
 * @param body what `JSON.parse` gave, `undefined` for an empty body
 * @throws ValidationFailedError with all issues in the order of the declared fields, at most `MAX_ISSUES`
 */
export function validateRequest<T extends object>(
  Dto: new () => T,
  body: unknown,
  context: ValidationContext,
): T {
  if (body === undefined) {
    throw new ValidationFailedError([{ kind: 'empty_body', path: [], input: null }], body);
  }
  if (!isJsonObject(body)) {
    throw new ValidationFailedError([{ kind: 'not_an_object', path: [], input: body }], body);
  }
  const fields = fieldsOf(Dto);
  const candidate = knownFields(Dto, fields, body, context);
  const issues: Issue[] = [];
  const report: Report = (issue) => {
    if (issues.length < MAX_ISSUES) issues.push(issue);
  };
  // Before the declared ones: a field that is missing is often there under a misspelt name.
  refuseUnknown(Dto, fields, body, report);
  openRun(candidate, { report, context: { ...context, request: candidate }, body });
  validateSync(candidate, OPTIONS);
  const [first, ...others] = issues;
  if (first !== undefined) throw new ValidationFailedError([first, ...others], body, context.place);
  return rebuilt(Dto, fields, candidate);
}

function refuseUnknown(
  Dto: new () => object,
  fields: readonly DeclaredField[],
  body: Record<string, unknown>,
  report: Report,
): void {
  const readOnly = readOnlyFieldsOf(Dto);
  if (readOnly === undefined) return;
  const names = fields.map(({ name }) => name);
  reportUnknownFields(body, names, [], report, readOnly);
}

function knownFields<T extends object>(
  Dto: new () => T,
  fields: readonly DeclaredField[],
  body: Record<string, unknown>,
  { surface }: ValidationContext,
): T & Record<string, unknown> {
  const candidate = new Dto() as T & Record<string, unknown>;
  for (const { name, required, nullMeans, partOf } of fields) {
    const sent = ownField(body, name);
    const value = sent === null && (!required || nullMeans !== undefined) ? nullMeans : sent;
    if (value === undefined) continue;
    if (partOf !== undefined && !partOf(surface)) continue;
    assign(candidate, name, value);
  }
  return candidate;
}

function rebuilt<T extends object>(
  Dto: new () => T,
  fields: readonly DeclaredField[],
  candidate: T & Record<string, unknown>,
): T {
  const request = new Dto();
  for (const { name, constraint } of fields) {
    const value = candidate[name];
    if (value === undefined) continue;
    const picked = constraint.pick === undefined ? value : constraint.pick(value, candidate);
    if (picked !== undefined) assign(request, name, picked);
  }
  return request;
}

/** Field names are ours, never the client's, so no assignment can reach a prototype. */
function assign(target: object, name: string, value: unknown): void {
  (target as Record<string, unknown>)[name] = value;
}
