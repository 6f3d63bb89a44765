import type { IncomingHttpHeaders } from 'node:http';
import { MIMEType } from 'node:util';
import { DomainError } from '../common/errors/domain-error.js';

export type ContentEncoding = 'identity' | 'gzip' | 'deflate' | 'br';

const ENCODINGS: ReadonlyMap<string, ContentEncoding> = new Map([
  ['', 'identity'],
  ['identity', 'identity'],
  ['gzip', 'gzip'],
  ['x-gzip', 'gzip'],
  ['deflate', 'deflate'],
  ['br', 'br'],
]);

/** ASCII is UTF-8 already. */
const CHARSETS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii']);

/** A header's own text is repeated up to this many characters. */
const MAX_SHOWN_CHARS = 80;

/**
 * Makes sure that a body claims to be JSON in UTF-8, and tells how it is compressed. A missing content type is JSON.
 *
 * @throws DomainError `unsupported_content_type`, `unsupported_charset`, `unsupported_encoding`
 */
export function readContentFormat(headers: IncomingHttpHeaders): ContentEncoding {
  const contentType = headers['content-type'];
  // The value of nearly every client, spared the parser.
  if (contentType !== undefined && contentType !== 'application/json') checkContentType(contentType);
  const named = headers['content-encoding']?.trim().toLowerCase() ?? '';
  const encoding = ENCODINGS.get(named);
  if (encoding === undefined) {
    throw new DomainError(
      'unsupported_encoding',
      `Unsupported content encoding: '${shown(named)}'. Supported are gzip, deflate and br.`,
    );
  }
  return encoding;
}

function checkContentType(header: string): void {
  if (header.trim() === '') return;
  const type = parseType(header);
  const isJson = type?.essence === 'application/json' || type?.subtype.endsWith('+json') === true;
  if (type === undefined || !isJson) {
    const name = shown(type?.essence ?? header);
    throw new DomainError(
      'unsupported_content_type',
      `Unsupported content type: '${name}'. This API method only accepts 'application/json' requests, but you specified the header 'Content-Type: ${name}'.`,
    );
  }
  const charset = type.params.get('charset')?.toLowerCase() ?? 'utf-8';
  if (!CHARSETS.has(charset)) {
    throw new DomainError('unsupported_charset', `Unsupported charset: '${shown(charset)}'. Send UTF-8.`);
  }
}

function parseType(header: string): MIMEType | undefined {
  try {
    return new MIMEType(header);
  } catch {
    return undefined;
  }
}

/** Bounded and printable. */
function shown(text: string): string {
  const printable = text.replaceAll(/[^\x20-\x7e]/g, '?');
  return printable.length > MAX_SHOWN_CHARS ? `${printable.slice(0, MAX_SHOWN_CHARS)}…` : printable;
}
