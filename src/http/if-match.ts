import { ApiHeader } from '@nestjs/swagger';
import { DomainError } from '../common/errors/domain-error.js';

/** Publishes `If-Match`. @param versionField which says the same in the body, and wins */
export const ApiIfMatch = (versionField: string): MethodDecorator =>
  ApiHeader({
    name: 'if-match',
    required: false,
    description: `As \`${versionField}\` in the body: \`"3"\`, or \`*\` for any.`,
  });

/**
 * `If-Match: "3"`, or `*` for any version.
 * @throws DomainError `conflict` for what no record's version looks like: it matches none
 */
export function versionOf(ifMatch: string | undefined): number | undefined {
  if (ifMatch === undefined || ifMatch.trim() === '*') return undefined;
  const version = /^\s*(?:W\/)?"?(\d{1,9})"?\s*$/.exec(ifMatch)?.[1];
  if (version === undefined) {
    throw new DomainError('conflict', 'The If-Match header names no version of this record.');
  }
  return Number(version);
}
