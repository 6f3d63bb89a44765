import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import { fieldsOf } from '../contracts/validation/field.decorator.js';
import { validateRequest } from '../contracts/validation/validate-request.js';
import type { TollgateRequest } from '../http/tollgate-request.js';

const requestOf = (context: ExecutionContext): TollgateRequest =>
  context.switchToHttp().getRequest<TollgateRequest>();

/** A body whose fields are all optional, so it may be left out. */
export const OptionalBody = <T extends object>(Dto: new () => T): ParameterDecorator =>
  createParamDecorator((_data: unknown, context: ExecutionContext): T => {
    const { body, surface } = requestOf(context);
    return validateRequest(Dto, (body as unknown) ?? {}, { surface });
  })();

/** What a PATCH sends: absent fields stay as they are, `null` takes a limit away. */
export interface Patch<T> {
  /** The fields with a value. */
  readonly set: T;
  /** The names of the fields that were sent as `null`. */
  readonly cleared: ReadonlySet<keyof T>;
  /** Of the record that the caller has read, from `version` or `If-Match`; `undefined`: the caller does not care. */
  readonly expectedVersion: number | undefined;
}

/** @param Dto with a field `version` */
export const PatchDto = <T extends { version?: number }>(Dto: new () => T): ParameterDecorator =>
  createParamDecorator((_data: unknown, context: ExecutionContext): Patch<T> => {
    const { body, surface, headers } = requestOf(context);
    const set = validateRequest(Dto, body, { surface });
    const sent = body as Record<string, unknown>;
    const names = fieldsOf(Dto)
      .map(({ name }) => name)
      .filter((name) => Object.hasOwn(sent, name) && sent[name] === null);
    return {
      set,
      cleared: new Set(names as (keyof T)[]),
      expectedVersion: set.version ?? versionOf(headers['if-match']),
    };
  })();

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
