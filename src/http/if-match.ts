import { ApiHeader } from '@nestjs/swagger';
import { DomainError } from '../common/errors/domain-error.js';

/** Publishes `If-Match`. @param versionField which says the same in the body */
export const ApiIfMatch = (versionField: string): MethodDecorator =>
  ApiHeader({
    name: 'if-match',
    required: false,
    description: `As \`${versionField}\` in the body: \`"3"\`, or \`*\` for any. Where both are sent they must say the same.`,
  });

/** RFC 9110, 8.8.3: what stands between quotes is any printable text. A bare number is taken as well. */
const ENTITY_TAG = /^(?:W\/)?"[\x21\x23-\x7e\x80-\xff]*"$/;
const VERSION = /^(?:W\/)?"?(\d{1,9})"?$/;
const BARE = /^[^",\s]+$/;

/**
 * The version that a caller has read: `If-Match: "3"` (or `*` for any), the field in the body, or both.
 *
 * @param field of the body
 * @returns `undefined`: the caller does not care
 * @throws DomainError `malformed_request` for a header that is no entity tag; `conflict` for a tag that no record has, and
 *   where header and body differ: one of them is not the present version
 */
export function expectedVersion(ifMatch: string | undefined, field: number | undefined): number | undefined {
  const tag = ifMatch?.trim();
  if (tag === undefined || tag === '*') return field;
  if (!ENTITY_TAG.test(tag) && !BARE.test(tag)) {
    throw new DomainError(
      'malformed_request',
      'The If-Match header is no entity tag: send one like "3", or *.',
    );
  }
  const version = VERSION.exec(tag)?.[1];
  if (version === undefined) {
    throw new DomainError('conflict', 'The If-Match header names no version of this record.');
  }
  if (field !== undefined && field !== Number(version)) {
    throw new DomainError(
      'conflict',
      'The If-Match header and the body name different versions of this record.',
    );
  }
  return Number(version);
}
