import type { ChatMessage, ContentPart, ToolCall } from '../../contracts/openai/chat-completion.js';

/** What stands for a part that is no text. */
const MEDIA: Readonly<Record<Exclude<ContentPart['type'], 'text' | 'refusal'>, string>> = {
  image_url: '[an image]',
  input_audio: '[a sound]',
  file: '[a file]',
};

/** With fewer bytes a message says nothing. */
const LEAST_BYTES = 160;

/**
 * Messages as text, oldest first, each under a line with `boundary` and its speaker: no text can pass for another
 * speaker's. Where they are longer than `mostBytes`, the longest are cut in their middle; where that is not enough, the
 * oldest are left out. Either is said.
 *
 * @param boundary that nobody can have known who wrote one of the messages
 * @returns at most `mostBytes` of UTF-8, if that is enough for one message's speaker and a word
 */
export function transcript(messages: readonly ChatMessage[], boundary: string, mostBytes: number): string {
  const shown = messages.slice(-Math.max(1, Math.floor(mostBytes / LEAST_BYTES)));
  const left = messages.length - shown.length;
  const note = left === 0 ? '' : `=== ${boundary} ${left} earlier messages are left out\n`;
  const entries = shown.map((message) => ({ head: headOf(message, boundary), text: textOf(message) }));
  const fixed = entries.reduce(
    (bytes, { head }) => bytes + Buffer.byteLength(head) + 1,
    Buffer.byteLength(note),
  );
  const share = fairShare(
    entries.map(({ text }) => Buffer.byteLength(text)),
    mostBytes - fixed,
  );
  return note + entries.map(({ head, text }) => `${head}${shortened(text, share)}\n`).join('');
}

function headOf({ role, name }: ChatMessage, boundary: string): string {
  const speaker = role === 'function' ? 'tool' : role;
  return `=== ${boundary} ${speaker}${name === undefined ? '' : ` ${JSON.stringify(name.slice(0, 64))}`}\n`;
}

function textOf({ content, tool_calls, function_call }: ChatMessage): string {
  const lines = typeof content === 'string' ? [content] : (content ?? []).map(partText);
  for (const call of tool_calls ?? []) lines.push(callText(call));
  if (function_call) lines.push(`[calls ${function_call.name}: ${function_call.arguments}]`);
  return lines.join('\n').trim();
}

function partText(part: ContentPart): string {
  if (part.type === 'text') return part.text;
  if (part.type === 'refusal') return part.refusal;
  if (part.type === 'file' && part.file.filename !== undefined) return `[a file: ${part.file.filename}]`;
  return MEDIA[part.type];
}

function callText(call: ToolCall): string {
  return call.type === 'function'
    ? `[calls ${call.function.name}: ${call.function.arguments}]`
    : `[calls ${call.custom.name}: ${call.custom.input}]`;
}

/** The most that each may have so that all together have at most `total`: what short ones leave is for long ones. */
function fairShare(sizes: readonly number[], total: number): number {
  let left = Math.max(0, total);
  const ascending = sizes.toSorted((a, b) => a - b);
  for (const [i, size] of ascending.entries()) {
    const share = Math.floor(left / (ascending.length - i));
    if (size > share) return share;
    left -= size;
  }
  return Infinity;
}

const GAP = ' […] ';

/** Two thirds of what remains are the beginning, the rest the end. */
function shortened(text: string, mostBytes: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= mostBytes) return text;
  const room = Math.max(0, mostBytes - Buffer.byteLength(GAP));
  let head = Math.ceil((room * 2) / 3);
  let tail = bytes.length - (room - head);
  while (isWithinCharacter(bytes[head])) head -= 1;
  while (isWithinCharacter(bytes[tail])) tail += 1;
  return bytes.toString('utf8', 0, head) + GAP + bytes.toString('utf8', tail);
}

function isWithinCharacter(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
