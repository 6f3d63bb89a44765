import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { parseCatalogueFile } from './catalogue-file.js';
import { parseEnvironment, type Variables } from './env.parse.js';

function parse(text: string, variables: Variables = {}) {
  const { environment } = parseEnvironment({});
  return parseCatalogueFile({ name: 't.yaml', text, variables, environment });
}

const UPSTREAM = 'upstreams: { main: { protocol: openai, base_url: "http://127.0.0.1:9101/v1" } }\n';
const model = (extra: string) =>
  `${UPSTREAM}models:\n  - { id: m, routes: [{ upstream: main, model: m }], ${extra} }\n`;
const upstream = (extra: string) =>
  `upstreams: { main: { protocol: openai, base_url: "http://127.0.0.1:9101/v1", ${extra} } }\n`;
const BLOCK = `upstreams:
  s: { protocol: sandbox }
models:
  - id: m
    routes:
      - { upstream: s, model: echo }
`;
const sandboxRoute = (name: string) => BLOCK.replace('model: echo', `model: ${name}`);

describe('tollgate.yaml', () => {
  it('gives a model whole, as the design writes it', () => {
    const text = `
upstreams:
  main: { protocol: openai, base_url: "http://127.0.0.1:9101/v1/", api_key: "\${MAIN_KEY}" }
models:
  - id: google/gemini-2.5-flash
    name: Gemini 2.5 Flash
    owned_by: google
    context_length: 1048576
    max_completion_tokens: 65536
    pricing: { prompt: "0.0000003", completion: "0.0000025" }
    routes:
      - { upstream: main, model: gemini-2.5-flash, priority: 1, weight: 1 }
`;
    expect(parse(text, { MAIN_KEY: 'k-1' })).toEqual({
      faults: [],
      catalogue: {
        upstreams: [
          {
            name: 'main',
            protocol: 'openai',
            baseUrl: 'http://127.0.0.1:9101/v1',
            apiKey: 'k-1',
            maxConnections: 1_024,
            timeouts: {
              connectMs: 5_000,
              firstTokenMs: 180_000,
              betweenChunksMs: 120_000,
              totalMs: 180_000,
            },
            discover: false,
            discoveredPricing: undefined,
          },
        ],
        models: [
          {
            id: 'google/gemini-2.5-flash',
            name: 'Gemini 2.5 Flash',
            description: '',
            ownedBy: 'google',
            created: 0,
            contextLength: 1_048_576,
            maxCompletionTokens: 65_536,
            pricing: { prompt: '0.0000003', completion: '0.0000025', cachedPrompt: undefined },
            completions: 'chat',
            routes: [{ upstream: 'main', model: 'gemini-2.5-flash', priority: 1, weight: 1 }],
          },
        ],
      },
    });
  });

  it('needs one line for a server of one’s own: its models are discovered at the written price', () => {
    const { catalogue, faults } = parse(
      'upstreams: { local: { protocol: openai, base_url: "http://127.0.0.1:8000/v1", pricing: { prompt: "0", completion: "0" } } }',
    );
    expect(faults).toEqual([]);
    expect(catalogue.models).toEqual([]);
    expect(catalogue.upstreams[0]).toMatchObject({
      discover: true,
      discoveredPricing: { prompt: '0', completion: '0' },
    });
  });

  it('keeps every digit of a price that is not quoted', () => {
    const { catalogue, faults } = parse(model('pricing: { prompt: 0.00000001875, completion: 0.00000030 }'));
    expect(faults).toEqual([]);
    expect(catalogue.models[0]?.pricing).toMatchObject({ prompt: '0.00000001875', completion: '0.0000003' });
  });

  it('has the sandbox models when it has a sandbox upstream, routed to it, unless it writes them itself', () => {
    const text = `
upstreams: { play: { protocol: sandbox } }
models: [{ id: sandbox/echo, routes: [{ upstream: play, model: chat }] }]`;
    const { catalogue, faults } = parse(text);
    expect(faults).toEqual([]);
    expect(catalogue.upstreams[0]).toMatchObject({ discover: false });
    expect(catalogue.models).toHaveLength(15);
    expect(catalogue.models.filter(({ id }) => id === 'sandbox/echo')).toEqual([
      expect.objectContaining({ routes: [expect.objectContaining({ upstream: 'play', model: 'chat' })] }),
    ]);
  });

  it('has no sandbox models otherwise', () => {
    expect(parse(UPSTREAM).catalogue.models).toEqual([]);
  });

  it('lets an upstream write its own deadlines; its first token may take its own total', () => {
    const { catalogue } = parse(upstream('timeouts: { total_ms: 7000, idle_ms: 300 }'));
    expect(catalogue.upstreams[0]?.timeouts).toEqual({
      connectMs: 5_000,
      firstTokenMs: 7_000,
      betweenChunksMs: 300,
      totalMs: 7_000,
    });
  });

  it('reads all that a price may say', () => {
    const { catalogue, faults } = parse(
      model(
        'pricing: { prompt: "0.000001", completion: "0.000002", audio_prompt: "0.000003", audio_completion: "0.000004", web_search: "0.01", tiers: { flex: { prompt: "0", completion: "0", cached_prompt: "0" } } }',
      ),
    );
    expect(faults).toEqual([]);
    expect(catalogue.models[0]?.pricing).toEqual({
      prompt: '0.000001',
      completion: '0.000002',
      cachedPrompt: undefined,
      audioPrompt: '0.000003',
      audioCompletion: '0.000004',
      webSearch: '0.01',
      tiers: { flex: { prompt: '0', completion: '0', cachedPrompt: '0' } },
    });
  });

  it('fills ${NAME} into an address', () => {
    const text = 'upstreams: { main: { protocol: openai, base_url: "http://${HOST_NAME}:${PORT_NO}/v1" } }';
    const { catalogue, faults } = parse(text, { HOST_NAME: 'gpu-1', PORT_NO: '8000' });
    expect(faults).toEqual([]);
    expect(catalogue.upstreams[0]?.baseUrl).toBe('http://gpu-1:8000/v1');
  });

  it.each<[string, string, RegExp]>([
    ['nothing', '', /^t\.yaml:1:1 must be a mapping/],
    ['a list', '- a\n', /^t\.yaml:1:1 must be a mapping/],
    ['no upstreams', 'models: []\n', /"upstreams" is missing/],
    ['an empty upstreams', 'upstreams: {}\n', /^t\.yaml:1:1 upstreams: must name at least one/],
    [
      'two documents',
      `${UPSTREAM}---\n${UPSTREAM}`,
      /^t\.yaml:2:1 begins a second document \(---\); the file must be one$/,
    ],
    [
      'an unknown key',
      `${UPSTREAM}model: []\n`,
      /^t\.yaml:2:1 model: is not known here; did you mean "models"\?/,
    ],
    [
      'an unknown key of an upstream',
      upstream('baseurl: x'),
      /^t\.yaml:1:\d+ upstreams\.main\.baseurl: is not known here; did you mean "base_url"\?/,
    ],
    [
      'an unknown key far from any',
      model('colour: red'),
      /models\[0\]\.colour: is not known here; the keys are id, /,
    ],
    [
      'an unknown key, without missing what it was meant to be',
      'upstreams: { a: { protocol: openai, baseurl: "http://h/v1" } }',
      /upstreams\.a\.baseurl: is not known here; did you mean "base_url"\?$/,
    ],
    [
      'a key twice',
      'upstreams: { main: { protocol: sandbox, protocol: sandbox } }',
      /^t\.yaml:1:41 "protocol" is there twice; keep one$/,
    ],
    [
      'no key',
      'upstreams: { s: { protocol: sandbox }, : { protocol: sandbox } }',
      /^t\.yaml:1:40 upstreams: has a key that is no plain word$/,
    ],
    ['an unknown protocol', 'upstreams: { a: { protocol: smoke } }', /a\.protocol: must be one of openai, /],
    [
      'a misspelt word',
      'upstreams: { a: { protocol: opneai, base_url: "http://h/v1" } }',
      /must be one of openai, anthropic, google, sandbox; did you mean "openai"\?$/,
    ],
    [
      'a reference to a variable that does not end',
      'upstreams: { a: { protocol: openai, base_url: "http://${HOST/v1" } }',
      /base_url: has a \$\{…\} that is no name/,
    ],
    [
      'prices of nobody',
      upstream('price_provider: opnai'),
      /price_provider: names nobody whom the price table knows; did you mean "openai"\?$/,
    ],
    [
      'the name of a chatbot',
      model('').replace('id: m', `id: bot_${'0'.repeat(32)}`),
      /models\[0\]\.id: is how chatbots are called/,
    ],
    [
      'a route to a sandbox model that does not exist',
      sandboxRoute('ehco'),
      /models\[0\]\.routes\[0\]\.model: names no model of the sandbox; did you mean "echo"\?$/,
    ],
    [
      'a route to a sandbox model by its public id',
      sandboxRoute('sandbox/chat'),
      /names no model of the sandbox; did you mean "chat"\?$/,
    ],
    [
      'a route to a sandbox model far from any',
      sandboxRoute('gpt-5'),
      /names no model of the sandbox; it has chat, echo, reasoner, /,
    ],
    ['no protocol', 'upstreams: { a: { base_url: "http://h/v1" } }', /upstreams\.a: "protocol" is missing/],
    ['no base_url', 'upstreams: { a: { protocol: openai } }', /upstreams\.a: "base_url" is missing/],
    ['a bad upstream name', 'upstreams: { "a/b": { protocol: sandbox } }', /a name must be letters/],
    [
      'a key for the sandbox',
      'upstreams: { a: { protocol: sandbox, discover: true } }',
      /no meaning for the sandbox/,
    ],
    ['a file: address', 'upstreams: { a: { protocol: openai, base_url: "file:///etc" } }', /must be an http/],
    ['no address', 'upstreams: { a: { protocol: openai, base_url: "localhost:8000" } }', /must be an http/],
    [
      'a password in an address',
      'upstreams: { a: { protocol: openai, base_url: "http://u:hunter2@h/v1" } }',
      /must not hold a user name or password$/,
    ],
    ['a literal secret', upstream('api_key: sk-hunter2'), /api_key: must name an environment variable/],
    [
      'a secret around a reference',
      upstream('api_key: "sk-${MAIN_KEY}"'),
      /api_key: must name an environment/,
    ],
    [
      'an unset variable',
      upstream('api_key: "${MISSING_KEY}"'),
      /needs the environment variable MISSING_KEY/,
    ],
    [
      'an inherited variable',
      upstream('api_key: "${constructor}"'),
      /variable constructor, which is not set/,
    ],
    ['a key that no header can carry', upstream('api_key: "${SPACED}"'), /visible ASCII/],
    ['no socket', upstream('max_connections: 0'), /max_connections: must be a whole number of 1 or more/],
    [
      'a timeout of none',
      upstream('timeouts: { idle_ms: 0 }'),
      /timeouts\.idle_ms: must be a whole number from 1/,
    ],
    ['a flag that is a word', upstream('discover: sometimes'), /discover: must be true or false/],
    [
      'a tier that nobody has',
      model(
        'pricing: { prompt: "0", completion: "0", tiers: { prioritty: { prompt: "0", completion: "0" } } }',
      ),
      /pricing\.tiers\.prioritty: is not known here; did you mean "priority"\?/,
    ],
    [
      'half a tier',
      model('pricing: { prompt: "0", completion: "0", tiers: { flex: { prompt: "0" } } }'),
      /pricing\.tiers\.flex: "completion" is missing/,
    ],
    [
      'a search that costs a fortune',
      model('pricing: { prompt: "0", completion: "0", web_search: "25" }'),
      /pricing\.web_search: must be USD for one request/,
    ],
    ['half a price', upstream('pricing: { prompt: "0" }'), /pricing: "completion" is missing/],
    [
      'S45: a negative price',
      model('pricing: { prompt: "-0.1", completion: "0" }'),
      /prompt: must be a plain decimal/,
    ],
    ['an exponent', model('pricing: { prompt: 3e-7, completion: "0" }'), /prompt: must be a plain decimal/],
    [
      'a word for a price',
      model('pricing: { prompt: free, completion: "0" }'),
      /prompt: must be a plain decimal/,
    ],
    [
      'too fine a price',
      model('pricing: { prompt: "0.0000000000001", completion: "0" }'),
      /at most 12 decimals/,
    ],
    [
      'a price a million',
      model('pricing: { prompt: "0.3", completion: "0" }'),
      /prompt: must be USD per token/,
    ],
    ['S45: no price for its word', model('pricing: { prompt: , completion: "0" }'), /"prompt" is missing/],
    [
      'a model without id',
      `${UPSTREAM}models: [{ routes: [{ upstream: main, model: m }] }]`,
      /"id" is missing/,
    ],
    [
      'S42: an id with dots for a part',
      model('').replace('id: m', 'id: "a/../b"'),
      /id: must be 1 to 256 visible/,
    ],
    ['an id with a space', model('').replace('id: m', 'id: "a b"'), /id: must be 1 to 256 visible/],
    ['no routes', `${UPSTREAM}models: [{ id: m }]`, /models\[0\]: "routes" is missing/],
    ['an empty routes', `${UPSTREAM}models: [{ id: m, routes: [] }]`, /must have at least one route/],
    [
      'an unknown upstream',
      model('').replace('upstream: main', 'upstream: man'),
      /names no upstream of this file; did you mean "main"\?$/,
    ],
    ['a route twice', model('').replace('}]', '}, { upstream: main, model: m }]'), /same route as one above/],
    [
      'a weight of none',
      model('').replace('model: m }', 'model: m, weight: 0 }'),
      /weight: must be a whole number/,
    ],
    [
      'a weight below none',
      model('').replace('model: m }', 'model: m, weight: -1 }'),
      /weight: must be a whole/,
    ],
    [
      'more to write than to read',
      model('context_length: 10, max_completion_tokens: 11'),
      /max_completion_tokens: must not be above context_length/,
    ],
    [
      'a model twice',
      `${model('')}  - { id: m, routes: [{ upstream: main, model: n }] }\n`,
      /^t\.yaml:4:5 models\[1\]: has the id/,
    ],
    ['an unknown completions', model('completions: both'), /completions: must be one of native, chat/],
  ])('refuses %s, with line and field', (_, text, fault) => {
    const { faults } = parse(text, { MAIN_KEY: 'k-1', SPACED: 'two words' });
    expect(faults).toEqual([expect.stringMatching(fault)]);
    expect(faults.join()).not.toContain('hunter2');
  });

  it.each<[string, string, string]>([
    ['a tab', 'upstreams:\n\ts: { protocol: sandbox }\n\tt: { protocol: smoke }\n', '2:1 is a tab; YAML is'],
    ['a tab behind spaces', `${BLOCK}    \tpricing: x\n`, '7:5 is a tab; YAML is'],
    [
      'a tab before an item',
      BLOCK.replace('    routes:\n      -', '    routes:\n\t\t-'),
      '6:1 is a tab; YAML is',
    ],
    [
      'a line that is indented too far',
      BLOCK.replace('    routes', '     routes'),
      '4:9 has a key behind it:',
    ],
    [
      'a line that is indented too little',
      BLOCK.replace('    routes', '   routes'),
      '5:1 is indented otherwise',
    ],
    ['a text with a colon', BLOCK.replace('id: m', 'id: m: n'), '4:9 has a key behind it:'],
    [
      'a quote that is not closed',
      BLOCK.replace('id: m', 'id: "m'),
      '4:9 " opens here and is not closed by "',
    ],
    [
      'a quote that swallows the rest',
      BLOCK.replace('id: m', "id: 'm"),
      "4:9 ' opens here and is not closed by '",
    ],
    ['half a quote in a line', 'upstreams: { a: "b, c: "d" }', '1:25 stands behind a value that has ended;'],
    [
      'a brace that is not closed',
      BLOCK.replace('echo }', 'echo'),
      '6:9 { opens here and is not closed by }',
    ],
    ['a bracket that is not closed', 'upstreams: [ { a: b }\n', '1:12 [ opens here and is not closed by ]'],
    [
      'JSON that was cut off',
      '{ "upstreams": { "s": { "a": "b" }',
      '1:16 { opens here and is not closed by }',
    ],
    ['a key without a space', BLOCK.replace('id: m', 'id:m'), '4:5 is a key without ": " behind it'],
    ['a key without a colon', BLOCK.replace('models:', 'models'), '3:1 is a key without ": " behind it'],
    ['an alias of nothing', BLOCK.replace('id: m', 'id: *m'), '4:9 *m repeats what no &m above it names'],
    ['an alias above its anchor', `a: *x\nb: &x c\n${BLOCK}`, '1:4 *x repeats what no &x above it names'],
    ['nesting without end', '['.repeat(20_000), '1:'],
  ])('tells of a text that is no YAML the first fault alone, where it is: %s', (_, text, fault) => {
    const { faults } = parse(text);
    expect(faults).toHaveLength(1);
    expect(faults[0]?.slice(0, `t.yaml:${fault}`.length)).toBe(`t.yaml:${fault}`);
  });

  it.each([
    ['a byte order mark', `\uFEFF${BLOCK}`],
    ['lines that end as on Windows', BLOCK.replaceAll('\n', '\r\n')],
    ['a tab that indents nothing', BLOCK.replace('id: m', 'id:\tm')],
  ])('takes %s', (_, text) => {
    const { catalogue, faults } = parse(text);
    expect(faults).toEqual([]);
    expect(catalogue.models[0]).toMatchObject({ id: 'm', routes: [{ upstream: 's', model: 'echo' }] });
  });

  it('never unfolds aliases of aliases', () => {
    const bomb = [...'bcdefghij'].map((name, i) => {
      const before = 'abcdefghi'[i];
      return `${name}: &${name} [${Array(9).fill(`*${before}`).join(', ')}]\n`;
    });
    const { faults } = parse(`a: &a [x]\n${bomb.join('')}${BLOCK}`);
    expect(faults).toHaveLength(10);
    expect(faults.every((fault) => fault.includes('is not known here'))).toBe(true);
    expect(parse(`${UPSTREAM}models: &m [*m]\n`).faults).toEqual([
      expect.stringMatching(/models\[0\]: must be a mapping/),
    ]);
  });

  it('names all faults at once', () => {
    const text = `
upstreams:
  a: { protocol: smoke, base_url: nowhere }
  b: { protocol: openai, base_url: "http://h/v1", api_key: literal }
models:
  - { id: m, pricing: { prompt: x, completion: y }, routes: [{ upstream: c, model: m }] }
`;
    expect(parse(text).faults.map((fault) => fault.split(':')[1])).toEqual(['3', '3', '4', '6', '6', '6']);
  });

  it('says one thing or another for any text, and never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), (text) => {
        const { faults } = parse(`${text}\n${UPSTREAM}`);
        expect(faults.every((fault) => /^t\.yaml:\d+:\d+ /.test(fault))).toBe(true);
      }),
    );
  });

  it('resolves anchors, so that shared settings are written once', () => {
    const text = `
upstreams:
  a: { protocol: openai, base_url: "http://a/v1", timeouts: &slow { total_ms: 9 } }
  b: { protocol: openai, base_url: "http://b/v1", timeouts: *slow }
`;
    const { catalogue, faults } = parse(text);
    expect(faults).toEqual([]);
    expect(catalogue.upstreams[1]?.timeouts.totalMs).toBe(9);
  });
});
