import { deflateSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import * as fc from 'fast-check';
import { file, gif, image, jpeg, mp3, pdf, png, sound, wav, webp } from '../../../test/support/media.js';
import type { ContentPart } from '../../contracts/openai/chat-completion.js';
import type { Model } from '../../models/model.js';
import { maxPromptTokens, measureChat, promptTokensToHold } from '../prompt.js';
import { mediaTokensOf } from './media-tokens.js';

const modelOf = (upstreamModel: string, id = 'a/b', contextLength = 0) =>
  ({
    id,
    contextLength,
    routes: [{ upstream: 'main', upstreamModel, priority: 1, weight: 1 }],
  }) as unknown as Model;

const messagesOf = (...parts: object[]) => [{ role: 'user' as const, content: parts as ContentPart[] }];
const tokens = (model: string, ...parts: object[]) => mediaTokensOf(messagesOf(...parts), modelOf(model));
const atMost = (model: string, ...parts: object[]) => tokens(model, ...parts)?.atMost ?? 0;

describe('what a picture comes to', () => {
  it.each([
    // OpenAI's own examples.
    ['gpt-4o', 1_024, 1_024, undefined, 765],
    ['gpt-4o', 2_048, 4_096, undefined, 1_105],
    ['gpt-4o', 4_096, 8_192, 'low', 85],
    ['gpt-4.1-mini', 1_024, 1_024, undefined, 1_659],
    ['gpt-4o-mini', 512, 512, undefined, 8_500],
    // As measured: 1,229 and 14,364 at GPT-6, 1,446 with a text of 77 at Claude, 1,120 at Gemini 3.
    ['gpt-6', 1_024, 1_024, undefined, 1_229],
    ['gpt-6', 4_032, 3_024, undefined, 14_364],
    ['gpt-6', 4_032, 3_024, 'high', 3_000],
    ['claude-opus-5-5', 1_024, 1_024, undefined, 1_369 + 16],
    ['claude-opus-5-5', 60_000, 60_000, undefined, 4_784 + 16],
    ['gemini-3-pro', 300, 300, undefined, 1_120],
    ['gemini-2.5-flash', 960, 540, undefined, 1_548],
    ['gemini-2.5-flash', 60_000, 60_000, undefined, 16 * 258],
    ['some-model', 32, 32, undefined, 1_601],
    ['some-model', 60_000, 60_000, undefined, 16_384],
  ])('%s: %i × %i (%s) is %i tokens', (model, width, height, detail, expected) => {
    expect(atMost(model, image(png(width, height), detail))).toBe(expected);
  });

  it('is told by the header of every format, whatever type it is said to have', () => {
    const sized = [
      png(2_048, 4_096),
      jpeg(2_048, 4_096),
      jpeg(2_048, 4_096, 200_000),
      gif(2_048, 4_096),
      gif(2_048, 4_096, { width: 1, height: 1 }),
      webp(2_048, 4_096, 'VP8 '),
      webp(2_048, 4_096, 'VP8L'),
      webp(2_048, 4_096, 'VP8X'),
    ];
    for (const bytes of sized) expect(atMost('gpt-4o', image(bytes))).toBe(1_105);
  });

  it.each([
    ['is somewhere else', 'https://example.com/a.png'],
    ['has no header', Buffer.alloc(4_000)],
    ['is cut off in its header', png(100, 100).subarray(0, 20)],
    ['has no size', png(0, 0)],
    ['has far more bytes than it says to have pixels', png(1, 1, 1_000_000)],
    ['has a header after which all is missing', jpeg(100, 100, 2_000_000).subarray(0, 1_500_000)],
    ['is no base64', 'data:image/png;base64,***'],
    ['hides its header behind spaces', `data:image/png;base64,  ${png(1, 1).toString('base64')}`],
    ['is empty', 'data:,'],
  ])('is the most that any can have where it %s', (_what, source) => {
    expect(atMost('gpt-4o', image(source))).toBe(1_445);
    expect(atMost('some-model', image(source))).toBe(16_384);
  });

  it('is the dearest of all models that may answer', () => {
    const model = {
      ...modelOf('gpt-4o'),
      routes: ['gpt-4o', 'gpt-4o-mini'].map((upstreamModel) => ({ upstreamModel })),
    } as unknown as Model;
    expect(mediaTokensOf(messagesOf(image(png(512, 512))), model)?.atMost).toBe(8_500);
  });

  it('is told by our name for the model where an upstream has its own', () => {
    expect(
      mediaTokensOf(messagesOf(image(png(1_024, 1_024))), modelOf('eu-1', 'openai/gpt-4o'))?.atMost,
    ).toBe(765);
  });
});

/** A file that says that it has one page, and more in a way that readers understand. */
function hiding(more: string | Buffer): Buffer {
  return Buffer.concat([pdf(1), Buffer.from(more), Buffer.alloc(5_120, '%')]);
}

function packedFarFromItsName(): Buffer {
  const broken = 'no data that can be inflated';
  return Buffer.from(`5 0\nobj << /Type /ObjStm${' '.repeat(1_500)}>> stream\n${broken}\nendstream`);
}

describe('what a file comes to', () => {
  it.each([
    ['plain', pdf(12)],
    ['packed', pdf(12, true)],
  ])('goes by its pages (%s)', (_how, bytes) => {
    expect(atMost('claude-opus-5-5', file(bytes))).toBe(12 * 4_600);
    expect(atMost('gemini-3-pro', file(bytes))).toBe(12 * 1_120);
  });

  it.each([
    [
      'names are hidden',
      Buffer.concat([pdf(1), Buffer.from('<< /Type /#50age /K#69ds [1 0 R] >>'), Buffer.alloc(5_000)]),
    ],
    ['nothing can be read', Buffer.concat([Buffer.from('%PDF-1.7'), Buffer.alloc(5_000)])],
    [
      'its packed objects cannot be',
      Buffer.concat([Buffer.from('%PDF-1.7 1 0 obj << /ObjStm >> stream\n'), Buffer.alloc(5_000)]),
    ],
    ['a comment stands between a name and its value', hiding('<< /Type%\n/Page >>')],
    ['zero bytes do', hiding('<< /Type\0/Page >>')],
    ['much space does', hiding(`<< /Type${' '.repeat(40)}/Page >>`)],
    ['objects stand behind a text that looks like a stream', hiding('(stream) 7 0\nobj << /Type /Page >>')],
    ['its packed objects are far from their name', hiding(packedFarFromItsName())],
  ])('goes by its bytes where %s', (_why, bytes) => {
    expect(atMost('gemini-3-pro', file(bytes))).toBeGreaterThanOrEqual(10 * 1_120);
  });

  it.each(['3 0 R ', '3%\n0 R ', '3\0 0 R ', `3${' '.repeat(20)}0 R `])(
    'counts a page as often as it is listed: %j',
    (reference) => {
      const kids = reference.repeat(500);
      const listed = Buffer.from(`%PDF-1.4 2 0 obj << /Type /Pages /Kids [${kids}] /Count 1 >>`);
      expect(atMost('gemini-3-pro', file(listed))).toBeGreaterThanOrEqual(500 * 1_120);
    },
  );

  it('is never more pages than the vendor reads', () => {
    expect(atMost('gemini-3-pro', file(pdf(5_000)))).toBe(1_000 * 1_120);
  });

  it('has a token a byte at most where it is text', () => {
    expect(atMost('gemini-3-pro', file(Buffer.from('word '.repeat(2_000)), 'text/plain'))).toBe(10_256);
  });

  it('is a fixed number where it is known by its id alone', () => {
    expect(atMost('gpt-4o', { type: 'file', file: { file_id: 'file-1' } })).toBe(50_000);
  });

  it('is never more than the context of the model', () => {
    const media = mediaTokensOf(messagesOf(file(pdf(900))), modelOf('gpt-4o', 'a/b', 128_000));
    expect(media).toEqual({ atMost: 128_000, likely: 128_000 });
  });
});

describe('what a sound comes to', () => {
  it('is a fixed number where it is an earlier answer, known by its id alone', () => {
    const spoken = { role: 'assistant' as const, audio: { id: 'audio_1' } };
    expect(mediaTokensOf([spoken], modelOf('gpt-4o-audio'))).toEqual({ atMost: 8_192, likely: 765 });
    const prompt = measureChat({ model: 'a', messages: [spoken] }, modelOf('gpt-4o-audio'));
    expect(maxPromptTokens(prompt, promptTokensToHold(prompt))).toBe(promptTokensToHold(prompt));
  });

  it('goes by its seconds', () => {
    expect(atMost('gemini-3-pro', sound(wav(60)))).toBe(60 * 32 + 1);
    expect(atMost('gpt-4o-audio', sound(wav(60)))).toBe(601);
    expect(atMost('gemini-3-pro', sound(mp3(2_000), 'mp3'))).toBe(Math.ceil(((2_000 * 1_152) / 44_100) * 32));
  });

  it.each([
    ['says nothing', Buffer.alloc(60_000)],
    ['says what cannot be', wav(1, 4_000_000_000 / 4_000_000).fill(0xff, 22, 28)],
  ])('is the longest that its bytes can be where it %s', (_what, bytes) => {
    expect(atMost('gemini-3-pro', sound(bytes))).toBeGreaterThanOrEqual(
      Math.floor(bytes.length / 1_000) * 32 - 64,
    );
  });
});

const FORMATS = [png, gif, jpeg];
const part = fc.oneof(
  fc
    .tuple(
      fc.constantFrom(...FORMATS),
      fc.integer({ min: 0, max: 65_535 }),
      fc.integer({ min: 0, max: 65_535 }),
    )
    .map(([format, width, height]) => image(format(width, height), 'high')),
  fc.constantFrom('data:,', 'https://a.example/b.png', 'data:image/png;base64,AA==').map((url) => image(url)),
  fc
    .uint8Array({ maxLength: 3_000 })
    .chain((bytes) =>
      fc.constantFrom(image(Buffer.from(bytes)), file(Buffer.from(bytes)), sound(Buffer.from(bytes))),
    ),
  fc
    .tuple(
      fc.constantFrom(
        png(9, 9),
        gif(9, 9),
        jpeg(9, 9, 50),
        webp(9, 9, 'VP8X'),
        pdf(3),
        pdf(3, true),
        wav(1),
        mp3(9),
      ),
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(400),
    )
    .map(([bytes, noise, at]) => {
      const broken = Buffer.from(bytes);
      broken.set(noise.slice(0, Math.max(0, broken.length - at)), Math.min(at, broken.length));
      return file(broken, 'video/mp4');
    }),
  fc.string().map((text) => ({ type: 'text', text })),
);

it('the hold of any message covers all that is believed of it', () => {
  const models = ['gpt-4o', 'gpt-4o-mini', 'gpt-6', 'claude-opus-5-5', 'gemini-2.5-flash', 'some-model'];
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 5 }),
      fc.constantFrom(...models),
      fc.integer({ min: 1, max: 4 }),
      (parts, model, n) => {
        const prompt = measureChat(
          { model, n, messages: [...messagesOf(...parts), ...messagesOf(image(png(9, 9)))] },
          modelOf(model),
        );
        const held = promptTokensToHold(prompt) * prompt.reads;
        expect(Number.isSafeInteger(held)).toBe(true);
        expect(maxPromptTokens(prompt, held)).toBeLessThanOrEqual(held);
        const { atMost: most, likely } = prompt.media!;
        expect(held).toBeGreaterThan(most * prompt.reads);
        expect(likely).toBeLessThanOrEqual(most);
      },
    ),
    { numRuns: 300 },
  );
});

/** Processor time of this thread, so that a busy machine decides nothing; the bound is that of a standstill. */
it('reads 20 MiB of anything in little time', () => {
  const MIB = 1_024 * 1_024;
  const size = 15 * MIB;
  const repeated = (text: string) => Buffer.alloc(size, text);
  const bodies = [
    image(png(1_000, 1_000, size)),
    image(jpeg(100, 100, size)),
    file(repeated('stream endstream ')),
    file(repeated('stream objobjobjobj')),
    file(repeated('stream xobj endstream')),
    file(Buffer.concat([Buffer.from('%PDF-'), repeated('/Kids[')])),
    file(Buffer.concat([Buffer.from('%PDF-'), repeated('/Kids[1 0 R]')])),
    file(Buffer.concat([Buffer.from('%PDF-'), repeated('1')])),
    file(Buffer.concat([Buffer.from('%PDF-'), repeated('/Type ')])),
    file(Buffer.concat([Buffer.from('%PDF-'), repeated('/Type /Page ')])),
    file(Buffer.concat([Buffer.from('%PDF-'), repeated(' obj /ObjStm stream endstream ')])),
    sound(mp3(size / 417), 'mp3'),
    sound(repeated('\xff')),
    sound(Buffer.alloc(size, Buffer.from([0xff, 0xf3, 0x18, 0x00]))),
  ];
  const bomb = deflateSync(Buffer.alloc(3 * MIB, ' '));
  const bombs = Array.from({ length: Math.floor(size / 4_096) }, () =>
    file(
      Buffer.concat([
        Buffer.from('%PDF-1.7 1 0 obj << /ObjStm >> stream\n'),
        bomb,
        Buffer.from('\nendstream'),
      ]),
    ),
  );
  const pieces = (text: string) =>
    Array.from({ length: 50 }, () =>
      file(Buffer.concat([Buffer.from('%PDF-'), Buffer.alloc(size / 50, text)])),
    );
  const many = Array.from({ length: 2_000 }, () => image(png(1_000, 1_000, 5_000)));
  for (const parts of [
    ...bodies.map((body) => [body]),
    many,
    bombs,
    pieces('stream endstream '),
    pieces('/Kids[1 0 R]'),
  ]) {
    const before = process.cpuUsage();
    atMost('some-model', ...parts);
    const { user, system } = process.cpuUsage(before);
    const what = JSON.stringify(parts[0]).slice(0, 120);
    if (process.env['SHOW_TIMES'] !== undefined)
      process.stderr.write(`${(user + system) / 1_000} ms ${what}\n`);
    expect({ what, slow: user + system > 250_000 }).toEqual({ what, slow: false });
  }
});
