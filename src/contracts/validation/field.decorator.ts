import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { registerDecorator, type ValidationArguments } from 'class-validator';
import { orNull } from './composites.js';
import type { Constraint, Report, RuleContext, SurfaceRules } from './rule.js';

export interface FieldOptions {
  readonly description: string;
  /** What absence means, for the published document. */
  readonly default?: unknown;
  readonly example?: unknown;
  readonly deprecated?: boolean;
  /** A required field must be there, and may not be `null` unless `nullMeans` says what that is. */
  readonly required?: boolean;
  /** What `null` stands for; absent: the same as an absent field (a required one refuses it); `null`: it is refused. */
  readonly nullMeans?: unknown;
  /** Where the field is not part of the dialect it is ignored like any unknown one; absent: it is part of all. */
  readonly partOf?: (surface: SurfaceRules) => boolean;
}

export interface DeclaredField {
  readonly name: string;
  readonly constraint: Constraint;
  readonly description: string;
  readonly required: boolean;
  readonly nullMeans: unknown;
  readonly partOf: ((surface: SurfaceRules) => boolean) | undefined;
}

/** One validation of one object: where its issues go, and what rules may know besides the value. */
export interface ValidationRun {
  readonly report: Report;
  readonly context: RuleContext;
  /** The object as the client sent it, told where a required field is missing. */
  readonly body: unknown;
}

const declared = new Map<unknown, DeclaredField[]>();
const runs = new WeakMap<object, ValidationRun>();

/**
 * Declares a property as a field of the wire: the constraint judges it whenever class-validator validates the object,
 * and publishes itself with the options in the OpenAPI document. One per property, in the order in which faults are told.
 */
export function Field(constraint: Constraint, options: FieldOptions): PropertyDecorator {
  const { required = false, nullMeans, partOf, ...published } = options;
  return (prototype, property) => {
    const name = String(property);
    const target = prototype.constructor;
    const fields = declared.get(target);
    const { description } = published;
    const field: DeclaredField = { name, constraint, description, required, nullMeans, partOf };
    if (fields !== undefined) fields.push(field);
    else {
      const first = [field];
      declared.set(target, first);
      registerFields(target, name, first);
    }
    const refusesNull = nullMeans === null || (required && nullMeans === undefined);
    const schema = refusesNull ? constraint.schema : orNull(constraint.schema);
    ApiProperty({ ...schema, ...published, required } as ApiPropertyOptions)(prototype, property);
  };
}

/** The fields of a class in the order of their declaration, after those of the classes that it extends. */
export function fieldsOf(target: new () => object): readonly DeclaredField[] {
  const own = declared.get(target) ?? [];
  const parent = Object.getPrototypeOf(target) as new () => object;
  return parent === Function.prototype ? own : [...fieldsOf(parent), ...own];
}

/** Tells where the issues of `object` go when class-validator comes to it. */
export function openRun(object: object, run: ValidationRun): void {
  runs.set(object, run);
}

/**
 * Makes a class known to class-validator: as one rule, at its first field, that judges all of them. A rule a field
 * would cost 50 µs a request, because class-validator walks everything that it knows of a class for each object, and
 * nearly all of a request's 35 fields are absent.
 */
function registerFields(
  target: NewableFunction,
  propertyName: string,
  fields: readonly DeclaredField[],
): void {
  registerDecorator({
    name: 'fields',
    target,
    propertyName,
    options: {},
    validator: {
      validate: (_value: unknown, args?: ValidationArguments) => areSound(fields, args?.object),
    },
  });
}

function areSound(fields: readonly DeclaredField[], object: object = {}): boolean {
  const run = runs.get(object);
  if (run === undefined) throw new TypeError('A request is validated by validateRequest() only.');
  let sound = true;
  const report: Report = (issue) => {
    sound = false;
    run.report(issue);
  };
  for (const { name, constraint, required } of fields) {
    const value = (object as Record<string, unknown>)[name];
    if (value !== undefined) constraint.check(value, [name], report, run.context);
    else if (required) report({ kind: 'missing', path: [name], input: run.body });
  }
  return sound;
}
