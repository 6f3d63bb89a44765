import { randomBytes, randomUUID } from 'node:crypto';

/**
 * `req_` + 32 hex: one per inbound request, in header, log, error and ledger. The first 12 digits are the time in
 * milliseconds, so that rows written together lie together in the index; 80 random bits follow.
 */
export function newRequestId(nowMs: number): string {
  return `req_${nowMs.toString(16).padStart(12, '0')}${hex(10)}`;
}

/** `chatcmpl-` + 29 lowercase hex, the form of Qolaba's published sample. */
export function newChatCompletionId(): string {
  return `chatcmpl-${hex(15).slice(1)}`;
}

/** `cmpl-` + 29 lowercase hex. */
export function newCompletionId(): string {
  return `cmpl-${hex(15).slice(1)}`;
}

/** `call_` + 24 alphanumerics, for upstreams that name no tool call. */
export function toolCallId(): string {
  return `call_${hex(12)}`;
}

/**
 * A UUID in the form of version 4. Its first 12 digits are the time in milliseconds, so that conversations begun
 * together lie together in the index; 74 random bits follow. Nothing goes by the time that it tells.
 */
export function newConversationId(nowMs = Date.now()): string {
  const timeMs = nowMs.toString(16).padStart(12, '0');
  return `${timeMs.slice(0, 8)}-${timeMs.slice(8)}-${randomUUID().slice(14)}`;
}

/**
 * `conv_` + 32 hex: the time in milliseconds, so that rows written together lie together in the indices, and 80 random
 * bits. Nothing goes by the time that it tells.
 */
export function newConversationRowId(nowMs = Date.now()): string {
  return `conv_${nowMs.toString(16).padStart(12, '0')}${hex(10)}`;
}

/**
 * `msg_` + 32 hex: 96 random bits, then the message's place in its conversation, so that it is found at once, and a
 * list goes on after it even when it is gone.
 */
export function newMessageId(seq: number): string {
  return `msg_${hex(12)}${seq.toString(16).padStart(8, '0')}`;
}

/** Places are integers of 32 bits, signed. */
const MESSAGE_ID = /^msg_[0-9a-f]{24}([0-7][0-9a-f]{7})$/;

/** The place that a message's id tells; `undefined`: it is no such id. */
export function seqOfMessageId(id: string): number | undefined {
  const [, digits] = MESSAGE_ID.exec(id) ?? [];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}

/** `bot_` + 32 hex, 128 random bits. */
export function newChatbotId(): string {
  return `bot_${hex(16)}`;
}

/** `le_` + 32 hex, ordered by time like request ids. */
export function newEntryId(nowMs: number): string {
  return `le_${nowMs.toString(16).padStart(12, '0')}${hex(10)}`;
}

/** `evt_` + 32 hex, ordered by time like request ids. */
export function newEventId(nowMs: number): string {
  return `evt_${nowMs.toString(16).padStart(12, '0')}${hex(10)}`;
}

/** `<prefix>_` + 24 hex, for rows that people see: accounts, keys. */
export function newRowId(prefix: 'acct' | 'key'): string {
  return `${prefix}_${hex(12)}`;
}

/** Random bytes are drawn a page at a time: one system call serves hundreds of ids. */
const PAGE_BYTES = 4096;
let page = randomBytes(PAGE_BYTES);
let used = 0;

function hex(bytes: number): string {
  if (used + bytes > PAGE_BYTES) {
    page = randomBytes(PAGE_BYTES);
    used = 0;
  }
  const text = page.toString('hex', used, used + bytes);
  // A handed-out id must not stay readable in memory next to those still to come.
  page.fill(0, used, used + bytes);
  used += bytes;
  return text;
}
