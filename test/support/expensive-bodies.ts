import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';

/** Bodies that are cheap to send and meant to be dear to read. */
export interface ExpensiveBody {
  readonly name: string;
  /** Made when it is sent: all of them at once would be gigabytes. */
  readonly bytes: () => Buffer;
  /** `content-encoding` */
  readonly encoding?: 'gzip' | 'deflate' | 'br';
}

export const MEBIBYTE = 1024 * 1024;
/** Just under the default limit on bodies. */
export const LARGE = 19 * MEBIBYTE;

type Json = Readonly<Record<string, unknown>>;

/** As many of `one` as fit in `size` characters, apart by commas. */
function many(one: string, size = LARGE): string {
  const count = Math.max(1, Math.floor((size + 1) / (one.length + 1)));
  return `${one},`.repeat(count).slice(0, -1);
}

/** As `many`, of pieces that differ by a number. */
function manyOf(piece: (i: number) => string, size = LARGE): string {
  const pieces: string[] = [];
  let length = 0;
  for (let i = 0; ; i += 1) {
    const text = piece(i);
    length += text.length + 1;
    if (length > size) return pieces.join(',');
    pieces.push(text);
  }
}

const list = (items: string): string => `[${items}]`;
const object = (members: string): string => `{${members}}`;
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

/** JSON values by what is dear about them; `size`: bytes. */
const VALUES: Readonly<Record<string, (size: number) => string>> = {
  'empty objects': (size) => list(many('{}', size)),
  'empty arrays': (size) => list(many('[]', size)),
  'small objects': (size) => list(many('{"a":1,"b":"c"}', size)),
  'small arrays': (size) => list(many('[1,2]', size)),
  'objects with keys of their own': (size) => list(manyOf((i) => `{"k${i}":0}`, size)),
  'objects in objects': (size) => object(manyOf((i) => `"k${i}":{"k":{}}`, size)),
  'many keys': (size) => object(manyOf((i) => `"key${i}":0`, size)),
  'many keys that are numbers': (size) => object(manyOf((i) => `"${(i * 7919) % 4_000_000_000}":0`, size)),
  'one key again and again': (size) => object(many('"k":0', size)),
  'long keys': (size) => object(manyOf((i) => `"${String(i).padEnd(100_000, 'k')}":0`, size)),
  'one long key': (size) => object(`"${'k'.repeat(size)}":0`),
  'escaped keys': (size) => object(manyOf((i) => `"\\u006b${i}":0`, size)),
  'keys that are half a pair': (size) => object(manyOf((i) => `"\\ud800${i}":0`, size)),
  '__proto__ keys': (size) => list(many('{"__proto__":0}', size)),
  digits: (size) => list(many('1', size)),
  'numbers with many digits': (size) => list(many(`${'1234567890'.repeat(10)}.5e-99`, size)),
  'one number with many digits': (size) => list('9'.repeat(size)),
  'one fraction with many digits': (size) => list(`0.${'9'.repeat(size)}`),
  'small numbers': (size) => list(many('2.2250738585072011e-308', size)),
  nulls: (size) => list(many('null', size)),
  'empty texts': (size) => list(many('""', size)),
  'short texts': (size) => list(manyOf((i) => `"t${i}"`, size)),
  'one text': (size) => `"${'x'.repeat(size)}"`,
  'text of two bytes': (size) => `"${'é'.repeat(size / 2)}"`,
  'text of three bytes': (size) => `"${'中'.repeat(size / 3)}"`,
  'text of four bytes': (size) => `"${'😀'.repeat(size / 4)}"`,
  'combining marks': (size) => `"a${'\u0300'.repeat(size / 4)}${'\u0316'.repeat(size / 4)}"`,
  'escaped letters': (size) => `"${'\\u0041'.repeat(size / 6)}"`,
  'escaped quotes': (size) => `"${'\\"'.repeat(size / 2)}"`,
  backslashes: (size) => `"${'\\\\'.repeat(size / 2)}"`,
  'halves of pairs': (size) => `"${'\\ud800'.repeat(size / 6)}"`,
  'texts with halves of pairs': (size) => list(many('"\\ud800"', size)),
  'depth within the limit, often': (size) => list(many(nested(150), size)),
  'depth without end': (size) => nested(size / 2),
  'objects without end': (size) => '{"a":'.repeat(size / 5),
  'white space': (size) => `[${' '.repeat(size)}]`,
  'white space between': (size) => list(many('   \n\t 1   \n', size)),
};

/** What every route is sent of the above: the rest is read the same way wherever it comes from. */
const CORE: ReadonlySet<string> = new Set([
  'objects with keys of their own',
  'many keys',
  'one key again and again',
  'digits',
  'one text',
  'combining marks',
  'escaped quotes',
  'depth within the limit, often',
]);

/** Not JSON, and only at the end. */
const BROKEN: Readonly<Record<string, (size: number) => string>> = {
  'small objects and no end': (size) => `[${many('{"a":1,"b":"c"}', size)}`,
  'escapes and no end': (size) => `["${'\\n'.repeat(size / 2)}`,
  'quotes and no end': (size) => `[${many('""', size)}`,
  'digits and no end': (size) => `[${'9'.repeat(size)}`,
  'text and a letter too many': (size) => `"${'x'.repeat(size)}"x`,
};

/**
 * Bodies for every route: `base` is one that it takes, and what is dear is a field that nobody knows.
 *
 * @param which all, or one of each kind
 */
export function expensiveBodies(base: Json, which: 'all' | 'core'): ExpensiveBody[] {
  const withField = (value: string): Buffer => {
    const rest = JSON.stringify(base).slice(1);
    return Buffer.from(`{"x":${value}${rest === '}' ? '' : ','}${rest}`);
  };
  const values = Object.entries(VALUES).filter(([name]) => which === 'all' || CORE.has(name));
  const small = [
    ...compressed('3 MiB of empty objects', withField(list(many('{}', 3 * MEBIBYTE)))),
    ...values.map(([name, value]) => ({ name: `${name}, 1 MiB`, bytes: () => withField(value(MEBIBYTE)) })),
  ];
  if (which === 'core') {
    return [...small, ...values.map(([name, value]) => ({ name, bytes: () => withField(value(LARGE)) }))];
  }
  return [
    ...small,
    ...values.map(([name, value]) => ({ name, bytes: () => withField(value(LARGE)) })),
    ...Object.entries(BROKEN).map(([name, text]) => ({ name, bytes: () => Buffer.from(text(LARGE)) })),
    { name: 'empty objects at the top', bytes: () => Buffer.from(list(many('{}'))) },
    ...compressed('empty objects', list(many('{}'))),
    ...compressed('white space', `${' '.repeat(LARGE)}{}`),
    ...compressed('text', `{"x":"${'x'.repeat(LARGE)}"}`),
    ...compressed('3 MiB of empty objects', withField(list(many('{}', 3 * MEBIBYTE)))),
    {
      name: '1 GiB as gzip',
      bytes: () => gzipSync(Buffer.alloc(1024 * MEBIBYTE, ' ')),
      encoding: 'gzip' as const,
    },
  ];
}

function compressed(name: string, text: string | Buffer): ExpensiveBody[] {
  return [
    { name: `${name} as gzip`, bytes: () => gzipSync(text), encoding: 'gzip' },
    { name: `${name} as deflate`, bytes: () => deflateSync(text), encoding: 'deflate' },
    {
      name: `${name} as br`,
      bytes: () => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }),
      encoding: 'br',
    },
  ];
}

const of = (name: string, body: () => Json): ExpensiveBody => ({
  name,
  bytes: () => Buffer.from(JSON.stringify(body())),
});

const times = <T>(count: number, one: (i: number) => T): T[] =>
  Array.from({ length: count }, (_, i) => one(i));
const user = (content: unknown): Json => ({ role: 'user', content });
const tool = (i: number, fields: Json = {}): Json => ({
  type: 'function',
  function: { name: `f${i}`, ...fields },
});
const schema = (fields: number): Json => ({
  type: 'object',
  properties: Object.fromEntries(times(fields, (i) => [`p${i}`, { type: 'string', description: 'of it' }])),
  required: times(fields, (i) => `p${i}`),
});
/** Schemas in schemas. */
const deepSchema = (depth: number): Json =>
  depth === 0
    ? { type: 'string' }
    : { type: 'object', properties: { p: deepSchema(depth - 1) }, required: ['p'] };

/** Texts that are dear to normalise, count or match; `size`: characters. */
const TEXTS: Readonly<Record<string, (size: number) => string>> = {
  letters: (size) => 'x'.repeat(size),
  words: (size) => 'hello world, '.repeat(size / 13),
  digits: (size) => '1'.repeat(size),
  spaces: (size) => ' '.repeat(size),
  newlines: (size) => '\n'.repeat(size),
  ideographs: (size) => '中文字'.repeat(size / 3),
  emoji: (size) => '😀'.repeat(size / 2),
  families: (size) => '👨‍👩‍👧‍👦'.repeat(size / 11),
  'combining marks': (size) => `a${'\u0300'.repeat(size / 2)}${'\u0316'.repeat(size / 2)}`,
  'marks in turn': (size) => `a${'\u0316\u0300'.repeat(size / 2)}`,
  'Hangul parts': (size) => '\u1100\u1161\u11a8'.repeat(size / 3),
  'Arabic ligatures': (size) => '\ufdfa'.repeat(size),
  'dotted capitals': (size) => 'İ'.repeat(size),
  NULs: (size) => '\0'.repeat(size),
  'special tokens': (size) => '<|endoftext|>'.repeat(size / 13),
  braces: (size) => '{'.repeat(size),
  placeholders: (size) => '{{v}}'.repeat(size / 5),
  'JSON in text': (size) => '{}'.repeat(size / 2),
  'JSON arrays in text': (size) => '['.repeat(size),
  'pieces of a data URL': (size) => 'data:image/png;base64,'.repeat(size / 22),
};

const texts = (size: number, body: (text: string) => Json): ExpensiveBody[] =>
  Object.entries(TEXTS).map(([name, text]) =>
    of(`a text of ${name}, ${size}`, () => body(text(Math.min(size, sendable(text))))),
  );

/** So many characters of a text are no more bytes in JSON than a body may have. */
function sendable(text: (size: number) => string): number {
  const sample = 10_000;
  return Math.floor((LARGE - 100_000) / (Buffer.byteLength(JSON.stringify(text(sample))) / sample));
}

const EIGHT_MILLION = 8_000_000;
const FORTY_THOUSAND = 40_000;

const call = (i: number, text = '{}') => ({
  id: `c${i}`,
  type: 'function',
  function: { name: 'f', arguments: text },
});
const callsOf = (count: number, text?: string): Json[] => [
  user('hi'),
  { role: 'assistant', content: null, tool_calls: times(count, (i) => call(i, text)) },
  ...times(count, (i) => ({ role: 'tool', tool_call_id: `c${i}`, content: 'ok' })),
];

/** Requests that a chat completion takes, or would but for a limit. */
export function expensiveChats(base: Json): ExpensiveBody[] {
  const chat = (fields: Json) => ({ ...base, messages: [user('hi')], ...fields });
  const asText = (text: string): Json => chat({ messages: [user(text)] });
  return [
    of('8,192 messages', () => chat({ messages: times(8192, () => user('hi')) })),
    of('8,192 messages of 2 KB', () => chat({ messages: times(8192, () => user('hello '.repeat(350))) })),
    of('8,192 messages in turn', () =>
      chat({ messages: times(8191, (i) => ({ role: i % 2 ? 'assistant' : 'user', content: `m${i}` })) }),
    ),
    of('8,192 faults', () => chat({ messages: times(8192, () => ({ role: 'nobody' })) })),
    of('2,048 parts', () =>
      chat({ messages: [user(times(2048, (i) => ({ type: 'text', text: `t${i}` })))] }),
    ),
    of('100 messages of 2,048 parts', () =>
      chat({ messages: times(100, () => user(times(2048, () => ({ type: 'text', text: 'x' })))) }),
    ),
    of('2,048 pictures', () =>
      chat({
        messages: [
          user(
            times(2048, () => ({
              type: 'image_url',
              image_url: { url: `data:image/png;base64,${'A'.repeat(9000)}` },
            })),
          ),
        ],
      }),
    ),
    of('a picture of 19 MB', () =>
      chat({
        messages: [
          user([
            { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(LARGE - 10_000)}` } },
          ]),
        ],
      }),
    ),
    of('a file of 19 MB', () =>
      chat({
        messages: [
          user([
            {
              type: 'file',
              file: {
                filename: 'a.pdf',
                file_data: `data:application/pdf;base64,${'A'.repeat(LARGE - 10_000)}`,
              },
            },
          ]),
        ],
      }),
    ),
    of('a sound of 19 MB', () =>
      chat({
        messages: [
          user([{ type: 'input_audio', input_audio: { data: 'A'.repeat(LARGE - 10_000), format: 'wav' } }]),
        ],
      }),
    ),
    of('a URL of 19 MB', () =>
      chat({
        messages: [
          user([{ type: 'image_url', image_url: { url: `https://e.com/${'a'.repeat(LARGE - 10_000)}` } }]),
        ],
      }),
    ),
    of('1,024 tools', () => chat({ tools: times(1024, (i) => tool(i)) })),
    of('1,024 tools with schemas', () =>
      chat({ tools: times(1024, (i) => tool(i, { parameters: schema(100) })) }),
    ),
    of('1,024 tools with long descriptions', () =>
      chat({ tools: times(1024, (i) => tool(i, { description: 'of it '.repeat(2_500) })) }),
    ),
    of('a tool with a wide schema', () => chat({ tools: [tool(0, { parameters: schema(100_000) })] })),
    of('a tool with a deep schema', () => chat({ tools: [tool(0, { parameters: deepSchema(90) })] })),
    of('1,024 tools of one name', () => chat({ tools: times(1024, () => tool(0)), tool_choice: 'required' })),
    of('1,024 tools, forced', () => chat({ tools: times(1024, (i) => tool(i)), tool_choice: 'required' })),
    of('1,024 tools and n', () =>
      chat({ tools: times(1024, (i) => tool(i)), tool_choice: 'required', n: 128 }),
    ),
    of('1,024 allowed tools', () =>
      chat({
        tools: times(1024, (i) => tool(i)),
        tool_choice: {
          type: 'allowed_tools',
          allowed_tools: {
            mode: 'auto',
            tools: times(1024, (i) => ({ type: 'function', function: { name: `f${i}` } })),
          },
        },
      }),
    ),
    of('1,024 tool calls', () => chat({ messages: callsOf(1024) })),
    of('8 × 1,000 tool calls', () => chat({ messages: times(7, () => callsOf(1000)).flat() })),
    of('arguments of 8 MB', () => chat({ messages: callsOf(1, '{}'.repeat(EIGHT_MILLION / 2)) })),
    of('arguments that are 8 MB of JSON', () =>
      chat({ messages: callsOf(1, `[${many('{}', EIGHT_MILLION)}]`) }),
    ),
    of('arguments that nest without end', () => chat({ messages: callsOf(1, '['.repeat(EIGHT_MILLION)) })),
    of('1,000 calls with arguments of 8 KB', () =>
      chat({ messages: callsOf(1000, JSON.stringify({ a: times(2_000, () => 1) })) }),
    ),
    of('a wide schema of the answer', () =>
      chat({
        response_format: { type: 'json_schema', json_schema: { name: 'a', schema: schema(100_000) } },
      }),
    ),
    of('a deep schema of the answer', () =>
      chat({ response_format: { type: 'json_schema', json_schema: { name: 'a', schema: deepSchema(90) } } }),
    ),
    of('"json" looked for in 19 MB', () =>
      chat({
        messages: times(4, () => user('jso'.repeat(1_500_000))),
        response_format: { type: 'json_object' },
      }),
    ),
    of('1,024 biases', () => chat({ logit_bias: Object.fromEntries(times(1024, (i) => [String(i), 1])) })),
    of('100,000 biases', () =>
      chat({ logit_bias: Object.fromEntries(times(100_000, (i) => [String(i), 1])) }),
    ),
    of('metadata at its limits', () =>
      chat({ metadata: Object.fromEntries(times(16, (i) => [`k${i}`, 'v'.repeat(512)])), store: true }),
    ),
    of('a prediction of 8 MB', () =>
      chat({ prediction: { type: 'content', content: 'x '.repeat(EIGHT_MILLION / 2) } }),
    ),
    of('128 answers', () => chat({ n: 128, messages: [user('hello '.repeat(100_000))] })),
    of('long answers with logprobs', () =>
      chat({ n: 32, logprobs: true, top_logprobs: 20, max_tokens: 2_000 }),
    ),
    of('1,000 messages, stored', () =>
      chat({ store: true, messages: times(1000, () => user('hello '.repeat(3_000))) }),
    ),
    of('a picture of 19 MB, stored', () =>
      chat({
        store: true,
        messages: [
          user([
            { type: 'image_url', image_url: { url: `data:image/png;base64,${'A'.repeat(LARGE - 10_000)}` } },
          ]),
        ],
      }),
    ),
    ...texts(EIGHT_MILLION, asText),
    ...texts(FORTY_THOUSAND, asText),
    ...texts(40_000, (text) => chat({ store: true, messages: [user(text)] })).map(named('stored')),
  ];
}

/** Those that a named conversation, and so its history, makes of a chat. */
export function expensiveTurns(base: Json): ExpensiveBody[] {
  const turn = (fields: Json) => ({ ...base, messages: [user('hi')], ...fields });
  return [
    of('1,000 resent messages', () =>
      turn({
        conversation_id: 'UID',
        messages: times(999, (i) => ({
          role: i % 2 ? 'assistant' : 'user',
          content: `m${i} ${'x'.repeat(5000)}`,
        })),
      }),
    ),
    of('a turn after a large one', () => turn({ conversation_id: 'large', messages: [user('hi')] })),
    ...texts(EIGHT_MILLION, (text) => turn({ conversation_id: 'UID', messages: [user(text)] })),
    ...texts(160_000, (text) => turn({ conversation_id: 'UID', messages: [user(text)] })),
  ].map(named('in a conversation'));
}

const named =
  (suffix: string) =>
  (body: ExpensiveBody): ExpensiveBody => ({ ...body, name: `${body.name}, ${suffix}` });

/** Of a legacy completion. */
export function expensivePrompts(base: Json): ExpensiveBody[] {
  const ask = (fields: Json) => ({ ...base, prompt: 'hi', max_tokens: 1, ...fields });
  return [
    of('1,024 prompts', () => ask({ prompt: times(1024, (i) => `p${i}`) })),
    of('1,024 prompts of 18 KB', () => ask({ prompt: times(1024, () => 'hello '.repeat(3_000)) })),
    of('1,024 prompts and a suffix of 1 MB', () =>
      ask({ prompt: times(1024, () => 'p'), suffix: 'x '.repeat(500_000) }),
    ),
    of('1,024 prompts and a suffix of 8 MB', () =>
      ask({ prompt: times(1024, () => 'p'), suffix: 'x '.repeat(4_000_000) }),
    ),
    of('1,024 prompts, echoed, 128 times', () => ask({ prompt: times(1024, () => 'p'), n: 128, echo: true })),
    of('a prompt of 2 M token ids', () => ask({ prompt: times(2_000_000, (i) => i % 100_000) })),
    of('a prompt of 3 M token ids', () => ask({ prompt: times(3_000_000, (i) => i % 100_000) })),
    of('1,024 prompts of 2,000 token ids', () => ask({ prompt: times(1024, () => times(2_000, (i) => i)) })),
    of('a long echo', () => ask({ prompt: 'hello '.repeat(1_300_000), echo: true, logprobs: 5 })),
    of('a long answer with logprobs', () =>
      ask({ prompt: times(32, () => 'p'), logprobs: 5, max_tokens: 1_000, n: 4 }),
    ),
    of('best of 20', () => ask({ prompt: times(100, () => 'p'), best_of: 20 })),
    ...texts(EIGHT_MILLION, (prompt) => ask({ prompt })),
    ...texts(FORTY_THOUSAND, (prompt) => ask({ prompt })),
  ];
}

const item = (content: unknown): Json => ({ type: 'message', role: 'user', content });

/** Items of conversations. */
export function expensiveItems(): ExpensiveBody[] {
  return [
    of('20 items of 900 KB', () => ({ items: times(20, () => item('hello '.repeat(150_000))) })),
    of('20 items of 2,048 parts', () => ({
      items: times(20, () => item(times(2048, () => ({ type: 'input_text', text: 'x' })))),
    })),
    of('an item with a picture of 19 MB', () => ({
      items: [
        item([{ type: 'input_image', image_url: `data:image/png;base64,${'A'.repeat(LARGE - 10_000)}` }]),
      ],
    })),
    of('arguments of 8 MB', () => ({
      items: [{ type: 'function_call', call_id: 'c', name: 'f', arguments: '{}'.repeat(EIGHT_MILLION / 2) }],
    })),
    of('arguments that are 8 MB of JSON', () => ({
      items: [
        { type: 'function_call', call_id: 'c', name: 'f', arguments: `[${many('{}', EIGHT_MILLION)}]` },
      ],
    })),
    ...texts(EIGHT_MILLION, (text) => ({ items: [item(text)] })),
    ...texts(160_000, (text) => ({ items: [item(text)] })),
  ];
}

/** Settings of chatbots. */
export function expensiveSettings(base: Json): ExpensiveBody[] {
  const bot = (fields: Json) => ({ ...base, ...fields });
  return [
    of('256 placeholders of 4 KB', () =>
      bot({ system_prompt: '{{v}}'.repeat(256), variables: { v: 'x'.repeat(4000) } }),
    ),
    of('placeholders without end', () =>
      bot({ system_prompt: '{{v}}'.repeat(20_000), variables: { v: 'v' } }),
    ),
    of('placeholders of combining marks', () =>
      bot({ system_prompt: '{{v}}'.repeat(256), variables: { v: TEXTS['combining marks']!(4000) } }),
    ),
    of('100,000 variables', () =>
      bot({ system_prompt: 'x', variables: Object.fromEntries(times(100_000, (i) => [`v${i}`, 'v'])) }),
    ),
    of('1,024 tools with schemas', () =>
      bot({ tools: times(1024, (i) => tool(i, { parameters: schema(50) })) }),
    ),
    of('a tool with a wide schema', () => bot({ tools: [tool(0, { parameters: schema(3_000) })] })),
    of('a million keys', () => bot({ keys: times(1_000_000, () => 'key_a') })),
    of('a wide schema of the answer', () =>
      bot({ response_format: { type: 'json_schema', json_schema: { name: 'a', schema: schema(3_000) } } }),
    ),
    ...texts(EIGHT_MILLION, (text) => bot({ system_prompt: text })),
    ...texts(FORTY_THOUSAND, (text) => bot({ system_prompt: text })),
  ];
}

/** Of keys: lists that an operator might send. */
export function expensiveKeys(base: Json): ExpensiveBody[] {
  const key = (fields: Json) => ({ ...base, ...fields });
  return [
    of('a million models', () => key({ models: times(1_000_000, (i) => `m${i}`) })),
    of('a million addresses', () => key({ allowed_ips: times(1_000_000, () => '10.0.0.0/8') })),
    of('long addresses', () => key({ allowed_ips: times(10, () => ':'.repeat(1_000_000)) })),
    ...texts(EIGHT_MILLION, (text) => key({ name: text })),
  ];
}
