import type { Model } from '../../models/model.js';
import type { ImageSize } from './image-size.js';
import { MOST_PAGES } from './pdf-pages.js';

/** What a family of models makes of media: the most tokens, by its vendor's published rule. */
export interface MediaRules {
  /** @param size `undefined`: unknown, so the most that any picture has */
  image(size: ImageSize | undefined, detail: 'low' | 'high' | 'auto'): number;
  /** One page of a document: its text and its picture. */
  readonly page: number;
  readonly pagesAtMost: number;
  readonly soundSecond: number;
  readonly videoSecond: number;
}

/** Text of one page of a document, at most. @see https://docs.claude.com/en/docs/build-with-claude/pdf-support, read 2026-11-28 */
const TEXT_OF_PAGE = 3_000;

/** @see https://platform.openai.com/docs/guides/images-vision, read 2026-11-28 */
const OPENAI = { page: TEXT_OF_PAGE + 1_500, pagesAtMost: MOST_PAGES, soundSecond: 10, videoSecond: 300 };

/**
 * A picture is fitted into 2,048 × 2,048, then to 768 on its shorter side, and cut into tiles of 512. `detail: low` costs
 * the base alone. A smaller picture is not made larger by all models; one tile more does for that.
 */
function tiled(base: number, tile: number): MediaRules {
  return {
    ...OPENAI,
    image(size, detail) {
      if (detail === 'low') return base;
      if (size === undefined) return base + tile * 8;
      const { width, height } = fitted(size, 2_048);
      const scale = Math.min(1, 768 / Math.min(width, height));
      const tiles = (side: number): number => Math.max(1, Math.ceil(roundedUp(side * scale) / 512));
      return base + tile * Math.min(8, tiles(width) * tiles(height));
    },
  };
}

/**
 * A token for each patch of 32 × 32, times a factor. More than `most` patches are scaled down to that.
 *
 * @param most by `detail`; `low` is a picture of 512 × 512
 */
function patched(factor: number, most: { readonly high: number; readonly auto: number }): MediaRules {
  return {
    ...OPENAI,
    page: TEXT_OF_PAGE + Math.ceil(most.high * factor),
    image(size, detail) {
      const limit = detail === 'low' ? 256 : most[detail];
      const patches = size === undefined ? limit : patchesOf(size, 32);
      return Math.ceil(Math.min(patches, limit) * factor);
    },
  };
}

/** Patches of 28 × 28 of a picture fitted into 2,576. @see https://platform.claude.com/docs/en/build-with-claude/vision, read 2026-11-28 */
const CLAUDE: MediaRules = {
  image: (size) =>
    CLAUDE_FRAME + Math.min(4_784, size === undefined ? Infinity : patchesOf(fitted(size, 2_576), 28)),
  page: TEXT_OF_PAGE + 1_600,
  pagesAtMost: 600,
  soundSecond: 50,
  videoSecond: 300,
};
const CLAUDE_FRAME = 16;

/**
 * Tiles of 768 × 768 (crops, to be exact, of two thirds of the shorter side) with 258 tokens each; from Gemini 3 on a
 * picture has about 1,120 at most, and a page 560.
 * @see https://ai.google.dev/gemini-api/docs/tokens, https://ai.google.dev/gemini-api/docs/media-resolution, read 2026-11-28
 */
const GEMINI: MediaRules = {
  image(size) {
    if (size === undefined) return GEMINI_MOST_TILES * 258;
    if (size.width <= 384 && size.height <= 384) return GEMINI_3_IMAGE;
    const { width, height } = fitted(size, 3_072);
    const crop = Math.min(768, Math.max(256, Math.floor(Math.min(width, height) / 1.5)));
    const tiles = Math.ceil(width / crop) * Math.ceil(height / crop);
    return Math.max(GEMINI_3_IMAGE, Math.min(GEMINI_MOST_TILES, tiles) * 258);
  },
  page: 1_120,
  pagesAtMost: MOST_PAGES,
  soundSecond: 32,
  videoSecond: 300,
};
const GEMINI_MOST_TILES = 26;
const GEMINI_3_IMAGE = 1_120;

/**
 * Any other model, and one that goes by a name of somebody's own. What open models publish of themselves: a token for 16 × 16
 * (Pixtral) to 28 × 28 pixels (Qwen VL, up to 16,384 altogether), 1,601 a tile (Llama 3.2); sound up to 25 a second (Qwen).
 * @see their model cards, read 2026-11-28
 */
const OTHERS: MediaRules = {
  image: (size) =>
    size === undefined ? 16_384 : Math.min(16_384, Math.max(1_601, patchesOf(size, 28), pixtral(size))),
  page: TEXT_OF_PAGE + 3_000,
  pagesAtMost: MOST_PAGES,
  soundSecond: 32,
  videoSecond: 300,
};

/** 16 × 16 pixels a token and one a row, fitted into 1,024. */
function pixtral(size: ImageSize): number {
  const { width, height } = fitted(size, 1_024);
  const rows = Math.ceil(height / 16);
  return (Math.ceil(width / 16) + 1) * rows;
}

/** The first whose name fits counts. Factors and tiles by OpenAI's tables of its models. */
const FAMILIES: readonly (readonly [RegExp, MediaRules])[] = [
  [/claude/, CLAUDE],
  [/gemini|gemma/, GEMINI],
  [/gpt-4o-mini/, tiled(2_833, 5_667)],
  [/gpt-4\.1-mini|gpt-5-mini/, patched(1.62, { high: 1_536, auto: 1_536 })],
  [/gpt-4\.1-nano|gpt-5-nano/, patched(2.46, { high: 1_536, auto: 1_536 })],
  [/o4-mini/, patched(1.72, { high: 1_536, auto: 1_536 })],
  [/gpt-4|chatgpt-4o/, tiled(85, 170)],
  [/(?:^|[^a-z0-9])o[13](?:$|[^a-z0-9])/, tiled(75, 150)],
  [/gpt-5(?:$|-|\.[123])/, dearer(tiled(70, 140), patched(1.2, { high: 1_536, auto: 1_536 }))],
  // "auto" takes a picture as it is.
  [/gpt-[5-9]/, patched(1.2, { high: 2_500, auto: 15_000 })],
];

/**
 * The rules of every model that may answer.
 * @param model by its own id and those that its upstreams have for it; an upstream's tells more
 */
export function mediaRulesOf(model: Pick<Model, 'id' | 'routes'>): readonly MediaRules[] {
  const rules = model.routes.map(
    ({ upstreamModel }) => familyOf(upstreamModel) ?? familyOf(model.id) ?? OTHERS,
  );
  return rules.length === 0 ? [familyOf(model.id) ?? OTHERS] : [...new Set(rules)];
}

function familyOf(name: string): MediaRules | undefined {
  const known = name.slice(0, 256).toLowerCase();
  return FAMILIES.find(([pattern]) => pattern.test(known))?.[1];
}

function dearer(a: MediaRules, b: MediaRules): MediaRules {
  return { ...a, page: Math.max(a.page, b.page), image: (...of) => Math.max(a.image(...of), b.image(...of)) };
}

/** Not larger than a square of `most`. */
function fitted({ width, height }: ImageSize, most: number): ImageSize {
  const scale = Math.min(1, most / Math.max(width, height));
  return { width: Math.max(1, roundedUp(width * scale)), height: Math.max(1, roundedUp(height * scale)) };
}

function patchesOf({ width, height }: ImageSize, side: number): number {
  return Math.ceil(width / side) * Math.ceil(height / side);
}

/** But for the last digits of a float, which are nothing. */
function roundedUp(pixels: number): number {
  return Math.ceil(pixels - 1e-6);
}
