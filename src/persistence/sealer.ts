import { createCipheriv, createDecipheriv, createSecretKey, randomBytes, type KeyObject } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import type { ConversationKey } from '../config/app-config.js';

/** A text as it is stored, and the name of the key that opens it; `null`: it is plain. */
export interface Sealed {
  readonly text: string;
  readonly sealedWith: string | null;
}

/** Rows of lists that the log names, of one process: a lost key may be that of all rows there are. */
const MAX_NAMED = 100;

const UNREADABLE =
  'What is stored here cannot be opened with the keys that this server has. Its operator finds the reason in the log.';

/** Tells what the sealed text is, so that another form can be told from it one day. */
const FORM = 's1.';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Encrypts what people said before it is stored: AES-256-GCM, a fresh random nonce each time, `s1.` and base64 of
 * nonce, ciphertext and tag. Without keys texts are stored as they are.
 */
export class Sealer {
  readonly #logger = new Logger('Sealer');
  readonly #first: { readonly name: string; readonly key: KeyObject } | undefined;
  readonly #byName: ReadonlyMap<string, KeyObject>;
  readonly #named = new Set<string>();

  /** @param keys the first seals, all open */
  constructor(keys: readonly ConversationKey[]) {
    const named = keys.map(({ name, secret }) => ({ name, key: createSecretKey(secret, 'base64') }));
    this.#first = named[0];
    this.#byName = new Map(named.map(({ name, key }) => [name, key]));
  }

  /** Of the configured keys, in their order. */
  get names(): readonly string[] {
    return [...this.#byName.keys()];
  }

  /** Name of the key that seals; `null`: nothing is sealed. */
  get current(): string | null {
    return this.#first?.name ?? null;
  }

  /** Whether what was sealed with this key can be opened; plain texts can, always. */
  knows(sealedWith: string | null): boolean {
    return sealedWith === null || this.#byName.has(sealedWith);
  }

  /**
   * @param place what the text is stored as, table and key of the row: opened anywhere else it is refused, so nobody
   *   can pass one row's text off as another's
   */
  seal(text: string, place: string): Sealed {
    if (this.#first === undefined) return { text, sealedWith: null };
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#first.key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(place));
    const parts = [nonce, cipher.update(text, 'utf8'), cipher.final()];
    const sealed = Buffer.concat([...parts, cipher.getAuthTag()]).toString('base64');
    return { text: FORM + sealed, sealedWith: this.#first.name };
  }

  /**
   * @param place as it was sealed for
   * @throws DomainError `storage_unavailable` when the key is not configured, or the text is not what was sealed there;
   *   the log says which
   */
  open(text: string, sealedWith: string | null, place: string): string {
    const opened = this.#open(text, sealedWith, place);
    if (typeof opened === 'string') return opened;
    this.#logger.error(opened.message);
    throw new DomainError('storage_unavailable', UNREADABLE, { cause: opened, retryAfterMs: 1_000 });
  }

  /**
   * For lists, which do without it. The log names each row once, and so many rows.
   * @returns `undefined`: it cannot be opened
   */
  openOfList(text: string, sealedWith: string | null, place: string): string | undefined {
    const opened = this.#open(text, sealedWith, place);
    if (typeof opened === 'string') return opened;
    if (this.#named.size < MAX_NAMED && !this.#named.has(place)) {
      this.#named.add(place);
      this.#logger.error(opened.message);
    }
    return undefined;
  }

  /**
   * As `open`, for a text of megabytes: in steps, between which others have their turn, and deciphered on another thread.
   * @param text as it is stored, or its bytes
   */
  async openLong(text: string | Uint8Array, sealedWith: string | null, place: string): Promise<string> {
    const opened = await this.#openLong(text, sealedWith, place);
    if (typeof opened === 'string') return opened;
    this.#logger.error(opened.message);
    throw new DomainError('storage_unavailable', UNREADABLE, { cause: opened, retryAfterMs: 1_000 });
  }

  async #openLong(
    text: string | Uint8Array,
    sealedWith: string | null,
    place: string,
  ): Promise<string | Error> {
    if (sealedWith === null) return typeof text === 'string' ? text : viewOf(text).toString('utf8');
    const key = this.#byName.get(sealedWith);
    if (key === undefined) return missing(sealedWith, place);
    try {
      return await decipherLong(key, text, place);
    } catch (cause) {
      return unreadable(sealedWith, place, cause);
    }
  }

  #open(text: string, sealedWith: string | null, place: string): string | Error {
    if (sealedWith === null) return text;
    const key = this.#byName.get(sealedWith);
    if (key === undefined) return missing(sealedWith, place);
    try {
      return decrypt(key, text, place);
    } catch (cause) {
      return unreadable(sealedWith, place, cause);
    }
  }
}

function decrypt(key: KeyObject, text: string, place: string): string {
  const bytes = decode(text);
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES), {
    authTagLength: TAG_BYTES,
  });
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
  const said = decipher.update(bytes.subarray(NONCE_BYTES, bytes.length - TAG_BYTES));
  return Buffer.concat([said, decipher.final()]).toString('utf8');
}

async function decipherLong(key: KeyObject, text: string | Uint8Array, place: string): Promise<string> {
  const bytes = decode(text);
  await nextTurn();
  const said = await crypto.subtle.decrypt(
    {
      name: 'AES-GCM',
      iv: bytes.subarray(0, NONCE_BYTES),
      additionalData: Buffer.from(place),
      tagLength: TAG_BYTES * 8,
    },
    key.toCryptoKey('AES-GCM', false, ['decrypt']),
    bytes.subarray(NONCE_BYTES),
  );
  await nextTurn();
  const opened = Buffer.from(said).toString('utf8');
  await nextTurn();
  return opened;
}

function decode(text: string | Uint8Array): Buffer {
  const form =
    typeof text === 'string' ? text.slice(0, FORM.length) : viewOf(text).toString('latin1', 0, FORM.length);
  if (form !== FORM) throw new Error('unknown form');
  const said =
    typeof text === 'string' ? text.slice(FORM.length) : viewOf(text).toString('latin1', FORM.length);
  const bytes = Buffer.from(said, 'base64');
  if (bytes.length < NONCE_BYTES + TAG_BYTES) throw new Error('too short');
  return bytes;
}

/** The same bytes, not copied. */
function viewOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function missing(sealedWith: string, place: string): Error {
  return new Error(`CONVERSATION_KEYS has no key named ${sealedWith}, which ${place} was sealed with`);
}

function unreadable(sealedWith: string, place: string, cause: unknown): Error {
  return new Error(`${place} cannot be opened with the key ${sealedWith}: altered, or another key`, {
    cause,
  });
}
