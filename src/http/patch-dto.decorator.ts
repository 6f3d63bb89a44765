import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import { fieldsOf } from '../contracts/validation/field.decorator.js';
import { exampled } from '../contracts/validation/request-examples.decorator.js';
import { validateRequest } from '../contracts/validation/validate-request.js';
import { ApiIfMatch, expectedVersion } from './if-match.js';
import type { TollgateRequest } from './tollgate-request.js';

/** What a PATCH sends: absent fields stay as they are, `null` takes a limit away. */
export interface Patch<T> {
  /** The fields with a value. */
  readonly set: T;
  /** The names of the fields that were sent as `null`. */
  readonly cleared: ReadonlySet<keyof T>;
  /** Of the record that the caller has read, by its field or `If-Match`; `undefined`: the caller does not care. */
  readonly expectedVersion: number | undefined;
}

/**
 * Gives a handler its request as a change of a record, and publishes the class as the route's body.
 * @param versionField of the class, which names the record's version as the caller has read it
 */
export function PatchDto<Field extends string, T extends { [Name in Field]?: number }>(
  Dto: new () => T,
  versionField: Field,
): ParameterDecorator {
  const bind = createParamDecorator((_data: unknown, context: ExecutionContext): Patch<T> => {
    const { body, surface, headers } = context.switchToHttp().getRequest<TollgateRequest>();
    const set = validateRequest(Dto, body, { surface });
    const sent = body as Record<string, unknown>;
    const names = fieldsOf(Dto)
      .map(({ name }) => name)
      .filter((name) => Object.hasOwn(sent, name) && sent[name] === null);
    return {
      set,
      cleared: new Set(names as (keyof T)[]),
      expectedVersion: expectedVersion(headers['if-match'], set[versionField]),
    };
  })();
  return (prototype, method, index) => {
    bind(prototype, method, index);
    if (method === undefined) return;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, method);
    if (descriptor === undefined) return;
    ApiBody({ type: Dto, ...exampled(Dto) })(prototype, method, descriptor);
    ApiIfMatch(versionField)(prototype, method, descriptor);
  };
}

/** @returns the new value: given, `null` where it was cleared, `undefined` where it stays */
export function patched<T, K extends keyof T>({ set, cleared }: Patch<T>, field: K): T[K] | null | undefined {
  return cleared.has(field) ? null : set[field];
}
