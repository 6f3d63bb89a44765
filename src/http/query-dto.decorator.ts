import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import { fieldsOf } from '../contracts/validation/field.decorator.js';
import { readOnlyFieldsOf } from '../contracts/validation/known-fields-only.decorator.js';
import { validateRequest } from '../contracts/validation/validate-request.js';
import type { TollgateRequest } from './tollgate-request.js';

const WHOLE_NUMBER = /^-?\d{1,15}$/;

/**
 * Gives a handler its query as a validated object of the class, and publishes the fields of the class. A query is text:
 * what looks like a whole number is one for a field that takes such, and `field[key]=text` are the pairs of an object.
 */
export function QueryDto<T extends object>(Dto: new () => T): ParameterDecorator {
  const fields = fieldsOf(Dto);
  const names = new Set(fields.map(({ name }) => name));
  const strict = readOnlyFieldsOf(Dto) !== undefined;
  const bind = createParamDecorator((_data: unknown, context: ExecutionContext): T => {
    const { query, surface } = context.switchToHttp().getRequest<TollgateRequest>();
    const values = Object.fromEntries(
      fields.map(({ name, constraint }) => [name, valueOf(query, name, constraint.schema.type)]),
    );
    // A misspelt filter would give everything.
    if (strict) for (const name of Object.keys(query)) if (!names.has(name)) values[name] = query[name];
    return validateRequest(Dto, values, { surface, place: 'query' });
  })();
  return (prototype, method, index) => {
    bind(prototype, method, index);
    if (method === undefined) return;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, method);
    if (descriptor === undefined) return;
    for (const { name, constraint, description, required } of fields) {
      const { schema } = constraint;
      const pairs = schema.type === 'object' ? { style: 'deepObject' as const, explode: true } : {};
      ApiQuery({ name, description, required, schema, ...pairs })(prototype, method, descriptor);
    }
  };
}

function valueOf(query: TollgateRequest['query'], name: string, type: unknown): unknown {
  if (type === 'object') return pairsOf(query, name);
  const value = query[name];
  return type === 'integer' && typeof value === 'string' && WHOLE_NUMBER.test(value) ? Number(value) : value;
}

/**
 * @returns `undefined`: there are none. Where the query has anything else under the name, that: it is no object and is
 *   refused as such, since a filter that is not understood must not give everything.
 */
function pairsOf(query: TollgateRequest['query'], name: string): unknown {
  const pairs: [key: string, value: unknown][] = [];
  for (const [field, value] of Object.entries(query)) {
    const rest = field.startsWith(name) ? field.slice(name.length) : undefined;
    if (rest?.startsWith('[') && rest.endsWith(']')) pairs.push([rest.slice(1, -1), value]);
    // `name=` is how official SDKs send `null`.
    else if (rest === '' ? value !== '' : rest?.startsWith('[') || rest?.startsWith('.')) return value;
  }
  return pairs.length === 0 ? undefined : Object.fromEntries(pairs);
}
