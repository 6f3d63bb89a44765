import { shortened } from '../common/shortened.js';
import type { ChatMessage, ContentPart } from '../contracts/openai/chat-completion.js';
import type { ConversationObject } from '../contracts/openai/conversation.dto.js';
import type { StoredMessage } from './conversation.js';

/**
 * A conversation as Markdown, in pieces: one a message. Whatever was said stands in fences that it cannot end, so every
 * heading outside them is ours.
 */
export async function* exportMarkdown(
  conversation: ConversationObject,
  messages: AsyncIterable<StoredMessage>,
): AsyncGenerator<string> {
  yield heading(conversation);
  let number = 0;
  for await (const { message, createdAtMs } of messages) {
    number += 1;
    const by = message.name === undefined ? '' : ` (${inline(message.name)})`;
    yield `\n## ${number}. ${SPEAKERS[message.role]}${by}, ${time(createdAtMs)}\n${contentOf(message)}`;
  }
}

const SPEAKERS: Readonly<Record<ChatMessage['role'], string>> = {
  user: 'User',
  assistant: 'Assistant',
  tool: 'Tool',
  function: 'Function',
  system: 'System',
  developer: 'Developer',
};

function heading(conversation: ConversationObject): string {
  const { title, chatbot, model, summary } = conversation;
  const facts = [
    ['Conversation', code(conversation.id)],
    ['Known to the client as', code(conversation.conversation_id)],
    ...(chatbot === null ? [] : [['Chatbot', code(chatbot)]]),
    ...(model === null ? [] : [['Model', code(model)]]),
    ['Begun', time(conversation.created_at * 1000)],
    ['Last changed', time(conversation.updated_at * 1000)],
    ['Messages', String(conversation.messages)],
  ];
  const list = facts.map(([name, value]) => `- ${name}: ${value}\n`).join('');
  const about = summary === null ? '' : `\nSummary of its oldest messages:\n${fenced(summary)}`;
  return `# ${title === null ? 'Conversation' : inline(title)}\n\n${list}${about}`;
}

function contentOf(message: ChatMessage): string {
  const { content, refusal, tool_calls: calls = [], function_call: legacy, tool_call_id: answered } = message;
  return [
    ...(answered === undefined ? [] : [`\nResult of ${code(answered)}\n`]),
    ...(typeof content === 'string'
      ? [content].filter((text) => text !== '').map((text) => fenced(text))
      : []),
    ...(Array.isArray(content) ? content.map(partOf) : []),
    ...(refusal ? [`\nRefused:\n${fenced(refusal)}`] : []),
    ...calls.map((call) =>
      call.type === 'function'
        ? called(call.function.name, call.function.arguments, 'json', call.id)
        : called(call.custom.name, call.custom.input, 'text', call.id),
    ),
    ...(legacy ? [called(legacy.name, legacy.arguments, 'json')] : []),
  ].join('');
}

function called(name: string, input: string, language: string, id?: string): string {
  return `\nCalls ${code(name)}${id === undefined ? '' : ` as ${code(id)}`}\n${fenced(input, language)}`;
}

function partOf(part: ContentPart): string {
  switch (part.type) {
    case 'text':
      return fenced(part.text);
    case 'refusal':
      return `\nRefused:\n${fenced(part.refusal)}`;
    case 'image_url':
      return `\nImage: ${placeOf(part.image_url.url)}\n`;
    case 'input_audio':
      return `\nAudio: ${code(part.input_audio.format)}, ${sizeOf(part.input_audio.data)}\n`;
    case 'file': {
      const { filename, file_data: data, file_id: id } = part.file;
      const facts = [
        ...(filename === undefined ? [] : [code(filename)]),
        ...(id === undefined ? [] : [code(id)]),
        ...(data === undefined ? [] : [sizeOf(data)]),
      ];
      return `\nFile: ${facts.join(', ')}\n`;
    }
  }
}

/** What is inside a data URL is no use to a reader. */
function placeOf(url: string): string {
  const data = parseDataUrl(url);
  return data === undefined ? code(url) : `${code(data.type || 'data')}, ${lengthOf(data)}`;
}

/** @param data base64, or a data URL */
function sizeOf(data: string): string {
  return lengthOf(parseDataUrl(data) ?? { text: data, isBase64: true, isEscaped: false });
}

interface Data {
  readonly text: string;
  readonly isBase64: boolean;
  /** Whether `%3D` stands for a `=`. */
  readonly isEscaped: boolean;
}

function lengthOf({ text, isBase64, isEscaped }: Data): string {
  // Counted in place: to replace ten million characters one by one takes seconds.
  let escapes = 0;
  let idle = 0;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (isEscaped && unit === PERCENT && isHex(text.charCodeAt(i + 1)) && isHex(text.charCodeAt(i + 2))) {
      escapes += 1;
      if (isEqualsSign(text, i + 1)) idle += 1;
      i += 2;
    } else if (unit <= SPACE || unit === EQUALS) {
      idle += 1;
    }
  }
  const bytes = isBase64
    ? Math.floor(((text.length - 2 * escapes - idle) * 3) / 4)
    : Buffer.byteLength(text) - 2 * escapes;
  return `${bytes} bytes`;
}

const SPACE = 0x20;
const PERCENT = 0x25;
const EQUALS = 0x3d;

function isHex(unit: number): boolean {
  return (unit >= 0x30 && unit <= 0x39) || ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x66);
}

/** As `3D` or `3d`. */
function isEqualsSign(text: string, index: number): boolean {
  return text.charCodeAt(index) === 0x33 && (text.charCodeAt(index + 1) | 0x20) === 0x64;
}

function parseDataUrl(url: string): (Data & { readonly type: string }) | undefined {
  const [head, type = '', parameters = ''] = /^data:([^;,]{0,100})([^,]{0,200}),/i.exec(url) ?? [];
  if (head === undefined) return undefined;
  const isBase64 = /;\s*base64\s*$/i.test(parameters);
  return { type, text: url.slice(head.length), isBase64, isEscaped: true };
}

/** A block that ends where the text does: its fence is longer than any run of backticks inside. */
function fenced(text: string, language = 'text'): string {
  const fence = '`'.repeat(Math.max(3, longestRun(text) + 1));
  return `\n${fence}${language}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}\n`;
}

/** Names, ids and addresses are for people: of longer ones the beginning tells enough. */
const MAX_SHOWN_CHARS = 4_096;

function shown(text: string): string {
  return shortened(text, MAX_SHOWN_CHARS);
}

/** A span that shows the text as it is, on one line. */
function code(text: string): string {
  const oneLine = shown(text).replaceAll(/\p{Cc}+/gu, ' ');
  const fence = '`'.repeat(longestRun(oneLine) + 1);
  const padded = /^`|`$|^ .* $/.test(oneLine) || oneLine.trim() === '' ? ` ${oneLine} ` : oneLine;
  return fence + padded + fence;
}

/** Of backticks. */
function longestRun(text: string): number {
  let longest = 0;
  let start = text.indexOf('`');
  while (start !== -1) {
    let end = start + 1;
    while (text[end] === '`') end += 1;
    longest = Math.max(longest, end - start);
    start = text.indexOf('`', end);
  }
  return longest;
}

/** Text that means nothing in Markdown or HTML, on one line. */
function inline(text: string): string {
  return shown(text)
    .replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ')
    .replaceAll(/[\\`*_{}[\]<>()#+!|~&$^=:-]/g, '\\$&');
}

/** `2026-11-22 06:04:08 UTC` */
function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}
