import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiBody, ApiHeader } from '@nestjs/swagger';
import { DomainError } from '../common/errors/domain-error.js';
import { fieldsOf } from '../contracts/validation/field.decorator.js';
import { validateRequest } from '../contracts/validation/validate-request.js';
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
      expectedVersion: set[versionField] ?? versionOf(headers['if-match']),
    };
  })();
  return (prototype, method, index) => {
    bind(prototype, method, index);
    if (method === undefined) return;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, method);
    if (descriptor === undefined) return;
    ApiBody({ type: Dto })(prototype, method, descriptor);
    const description = `As \`${versionField}\` in the body: \`"3"\`, or \`*\` for any.`;
    ApiHeader({ name: 'if-match', required: false, description })(prototype, method, descriptor);
  };
}

/** @returns the new value: given, `null` where it was cleared, `undefined` where it stays */
export function patched<T, K extends keyof T>({ set, cleared }: Patch<T>, field: K): T[K] | null | undefined {
  return cleared.has(field) ? null : set[field];
}

/**
 * `If-Match: "3"`, or `*` for any version.
 * @throws DomainError `conflict` for what no record's version looks like: it matches none
 */
function versionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const version = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(ifMatch)?.[1];
  if (version === undefined) {
    throw new DomainError('conflict', 'The If-Match header names no version of this record.');
  }
  return Number(version);
}
