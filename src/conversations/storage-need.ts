import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import { NOTHING_NEEDED, type StorageNeed } from '../quotas/storage-limits.js';

/** Flat bytes that a row counts for beside its texts, the names in its JSON included. */
const ROW_BYTES = 256 + 64;
/** The same of a conversation or completion, with a digest and ids in its head. */
const HEAD_BYTES = 512 + 256;
/** What sealing adds to a text, and to each: base64 of it, a nonce and a tag. */
const SEALED_FACTOR = 4 / 3;
const SEALED_BYTES = 64;

/**
 * What a turn stores beside its answer, estimated before the call: what JSON escapes in these texts is not counted.
 *
 * @param begins the conversation, too
 * @param sealed whether texts are stored sealed
 */
export function needOfTurn(messages: readonly ChatMessage[], begins: boolean, sealed: boolean): StorageNeed {
  const head = begins ? rowBytes(HEAD_BYTES, 0, sealed) : 0;
  return { ...NOTHING_NEEDED, bytes: head + bytesOf(messages, sealed), conversations: begins ? 1 : 0 };
}

/** As `needOfTurn`, of a completion that is stored with all that was asked. */
export function needOfCompletion(
  messages: readonly ChatMessage[],
  metadata: Readonly<Record<string, string>>,
  sealed: boolean,
): StorageNeed {
  const head = rowBytes(HEAD_BYTES + ROW_BYTES, textBytes(metadata), sealed);
  return { ...NOTHING_NEEDED, bytes: head + bytesOf(messages, sealed), completions: 1 };
}

function bytesOf(messages: readonly ChatMessage[], sealed: boolean): number {
  let bytes = 0;
  for (const message of messages) bytes += rowBytes(ROW_BYTES, textBytes(message), sealed);
  return bytes;
}

function rowBytes(flat: number, texts: number, sealed: boolean): number {
  return flat + (sealed ? Math.ceil(texts * SEALED_FACTOR) + SEALED_BYTES : texts);
}

/** UTF-8 length of all texts in a JSON value, names included. As deep as bodies may be. */
function textBytes(value: unknown): number {
  if (typeof value === 'string') return Buffer.byteLength(value) + 3;
  if (typeof value !== 'object' || value === null) return 8;
  let bytes = 2;
  for (const name in value) {
    if (!Array.isArray(value)) bytes += name.length + 3;
    bytes += textBytes((value as Record<string, unknown>)[name]);
  }
  return bytes;
}
