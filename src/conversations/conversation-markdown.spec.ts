import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { threadCpuMs } from '../../test/support/thread-cpu.js';
import type { ChatMessage } from '../contracts/openai/chat-completion.js';
import type { ConversationObject } from '../contracts/openai/conversation.dto.js';
import { exportMarkdown } from './conversation-markdown.js';
import type { StoredMessage } from './conversation.js';

const AT_MS = Date.UTC(2026, 10, 22, 6, 4, 8);

const conversation: ConversationObject = {
  id: 'conv_1',
  object: 'conversation',
  created_at: AT_MS / 1000,
  metadata: {},
  title: 'Plans',
  chatbot: 'bot_1',
  model: 'bot_1',
  conversation_id: 'mine',
  messages: 2,
  turns: 1,
  updated_at: AT_MS / 1000,
  summary: null,
};

async function* stored(messages: readonly ChatMessage[]): AsyncGenerator<StoredMessage> {
  for (const [seq, message] of messages.entries()) {
    yield {
      id: `msg_${seq}`,
      seq,
      turn: 1,
      message,
      bytes: 0,
      requestId: undefined,
      createdAtMs: AT_MS,
    };
  }
}

async function markdown(
  messages: readonly ChatMessage[],
  over: Partial<ConversationObject> = {},
): Promise<string> {
  let text = '';
  for await (const piece of exportMarkdown({ ...conversation, ...over }, stored(messages))) text += piece;
  return text;
}

/** Lines outside fences, as CommonMark reads them. */
function outside(text: string): string[] {
  const lines: string[] = [];
  let fence: string | undefined;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const [, run, rest = ''] = /^ {0,3}(`{3,}|~{3,})(.*)$/s.exec(line) ?? [];
    if (fence === undefined) {
      if (run === undefined || (run.startsWith('`') && rest.includes('`'))) lines.push(line);
      else fence = run;
    } else if (run !== undefined && run.startsWith(fence) && rest.trim() === '') {
      fence = undefined;
    }
  }
  expect(fence).toBeUndefined();
  return lines;
}

const headings = (text: string): string[] => outside(text).filter((line) => line.startsWith('#'));

const nasty = fc
  .array(
    fc.constantFrom(
      '`',
      '```',
      '````\n',
      '\n',
      '\r',
      '\r\n',
      '# ',
      '## 9. User',
      '~~~',
      '<b>',
      ' ',
      'text',
      '\u2028',
    ),
    { maxLength: 12 },
  )
  .map((pieces) => pieces.join(''));

describe('exportMarkdown', () => {
  it('reads well', async () => {
    const text = await markdown(
      [
        {
          role: 'user',
          content: [
            { type: 'text', text: 'What is this?' },
            { type: 'image_url', image_url: { url: 'data:image/png;base64,aGVsbG8h' } },
            { type: 'image_url', image_url: { url: 'https://example.org/a.png' } },
            { type: 'file', file: { filename: 'a.pdf', file_data: 'aGVsbG8h' } },
          ],
        },
        {
          role: 'assistant',
          content: null,
          tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look', arguments: '{"at":1}' } }],
        },
        { role: 'tool', tool_call_id: 'call_1', content: 'A ``` fence.' },
        { role: 'assistant', content: 'A fence.\n', name: 'ann_1' },
      ],
      { summary: 'They met.' },
    );
    expect(text).toBe(`# Plans

- Conversation: \`conv_1\`
- Known to the client as: \`mine\`
- Chatbot: \`bot_1\`
- Model: \`bot_1\`
- Begun: 2026-11-22 06:04:08 UTC
- Last changed: 2026-11-22 06:04:08 UTC
- Messages: 2

Summary of its oldest messages:

\`\`\`text
They met.
\`\`\`

## 1. User, 2026-11-22 06:04:08 UTC

\`\`\`text
What is this?
\`\`\`

Image: \`image/png\`, 6 bytes

Image: \`https://example.org/a.png\`

File: \`a.pdf\`, 6 bytes

## 2. Assistant, 2026-11-22 06:04:08 UTC

Calls \`look\` as \`call_1\`

\`\`\`json
{"at":1}
\`\`\`

## 3. Tool, 2026-11-22 06:04:08 UTC

Result of \`call_1\`

\`\`\`\`text
A \`\`\` fence.
\`\`\`\`

## 4. Assistant (ann\\_1), 2026-11-22 06:04:08 UTC

\`\`\`text
A fence.
\`\`\`
`);
  });

  it.each([
    ['padded twice', 'aGk0NQ==', 4],
    ['padded once', 'aGk0NTY=', 5],
    ['not padded', 'aGk0NTY3', 6],
    ['without the padding that it should have', 'aGk0NQ', 4],
    ['broken into lines', 'aGk0\r\nNTY3\r\n', 6],
    ['empty', '', 0],
    ['in a data URL', 'data:application/pdf;base64,aGk0NQ==', 4],
    ['in a data URL in capitals, with a parameter', 'DATA:text/plain;charset=UTF-8;BASE64,aGk0NTY=', 5],
    ['in a data URL with escapes', 'data:text/plain;base64,aGk0NQ%3D%3D', 4],
    ['in a data URL as text', 'data:text/plain,gr%C3%BC%C3%9Fe,%20😀', 13],
    ['in a data URL without a type', 'data:,abc', 3],
  ])('tells the size of what is sent %s', async (_how, data, bytes) => {
    const text = await markdown([
      {
        role: 'user',
        content: [
          { type: 'file', file: { filename: 'a', file_data: data } },
          { type: 'input_audio', input_audio: { data, format: 'wav' } },
          ...(data.startsWith('data:') ? [{ type: 'image_url' as const, image_url: { url: data } }] : []),
        ],
      },
    ]);
    const sizes = [...text.matchAll(/^(?:File|Audio|Image): .*, (\d+) bytes$/gm)].map(([, size]) => size);
    expect(sizes).toEqual(Array.from({ length: data.startsWith('data:') ? 3 : 2 }, () => String(bytes)));
  });

  it('has one heading a message whatever is said, by whom and under what title', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(nasty, nasty), { maxLength: 4 }), nasty, async (said, title) => {
        const messages = said.flatMap(([content, name]): ChatMessage[] => [
          { role: 'user', content, name },
          { role: 'user', content: [{ type: 'image_url', image_url: { url: content } }] },
          {
            role: 'assistant',
            content: null,
            refusal: content,
            tool_calls: [{ id: name, type: 'custom', custom: { name, input: content } }],
          },
          { role: 'tool', tool_call_id: content, content: [{ type: 'text', text: content }] },
        ]);
        const text = await markdown(messages, { title, conversation_id: title, summary: title });
        expect(headings(text)).toHaveLength(1 + messages.length);
        expect(headings(text).slice(1)).toEqual(
          messages.map((_message, index) => expect.stringMatching(`^## ${index + 1}\\. `)),
        );
      }),
    );
  });

  it.each<[string, string]>([
    ['escapes', 'data:image/png;base64,' + '%2B'.repeat(2_000_000)],
    ['padding', 'data:image/png;base64,' + '= '.repeat(4_000_000)],
    ['an address that is no data', 'https://example.com/' + '`\u0001'.repeat(4_000_000)],
    ['parameters', 'data:' + ';a'.repeat(4_000_000)],
  ])(
    'takes time linear in a picture of eight million characters, and shows little of it: %s',
    async (_what, url) => {
      const message: ChatMessage = { role: 'user', content: [{ type: 'image_url', image_url: { url } }] };
      const before = threadCpuMs();
      const text = await markdown([message]);
      expect(threadCpuMs() - before).toBeLessThan(400);
      expect(text.length).toBeLessThan(20_000);
    },
  );

  it('shows the beginning of a name that is too long for anybody', async () => {
    const name = '*'.repeat(8_000_000);
    const before = threadCpuMs();
    const text = await markdown([{ role: 'user', content: 'a', name }]);
    expect(threadCpuMs() - before).toBeLessThan(200);
    expect(text).toContain('\\*…), 2026');
  });

  it('tells the size of any data of a URL, escaped or not', async () => {
    const units = fc.constantFrom('A', '=', ' ', '%3D', '%3d', '%2B', '%2', '%', 'é', '+');
    await fc.assert(
      fc.asyncProperty(fc.array(units), fc.boolean(), async (pieces, isBase64) => {
        const data = pieces.join('');
        const meant = data.replaceAll(/%3d/gi, '=').replaceAll(/%[0-9a-f]{2}/gi, '+');
        const bytes = isBase64
          ? Math.floor((meant.replaceAll(/[\s=]/g, '').length * 3) / 4)
          : Buffer.byteLength(meant);
        const url = `data:image/png${isBase64 ? ';base64' : ''},${data}`;
        const text = await markdown([{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }]);
        expect(text).toContain(`Image: \`image/png\`, ${bytes} bytes\n`);
      }),
    );
  });
});
