import type { ChatMessage } from '../../contracts/openai/chat-completion.js';
import { TOKENS_PER_MEDIA_PART } from '../../contracts/openai/message-texts.js';
import type { Model } from '../../models/model.js';
import { mediaRulesOf, type MediaRules } from './media-rules.js';
import { ScanBudget } from './pdf-pages.js';
import { mediaSize, type MediaSize } from './media-size.js';

/** What the images, sounds and files of a prompt come to, in tokens. */
export interface MediaTokens {
  /** What credit is set aside for, and more than which no upstream is believed. */
  readonly atMost: number;
  /** What is charged where no upstream says: the same where sizes are known, and a common picture's where they are not. */
  readonly likely: number;
}

/** Of a file that is not here, or whose kind nobody knows. */
const UNKNOWN_FILE_TOKENS = 50_000;

/** What a file of text is called and framed by. */
const FRAME_OF_FILE_TOKENS = 256;

/** Of an earlier spoken answer, which upstreams keep by its id: nearly seven minutes of it. */
const SPOKEN_ANSWER_TOKENS = 8_192;

/** A clip of less than this counts as much. */
const LEAST_SOUND_TOKENS = 128;

/** @returns `undefined` where there are none */
export function mediaTokensOf(messages: readonly ChatMessage[], model: Model): MediaTokens | undefined {
  let rules: readonly MediaRules[] | undefined;
  let budget: ScanBudget | undefined;
  let atMost = 0;
  let likely = 0;
  for (const { content, audio } of messages) {
    if (audio) {
      rules ??= mediaRulesOf(model);
      atMost += SPOKEN_ANSWER_TOKENS;
      likely += TOKENS_PER_MEDIA_PART;
    }
    if (typeof content === 'string' || !content) continue;
    for (const part of content) {
      if (part.type === 'text' || part.type === 'refusal') continue;
      rules ??= mediaRulesOf(model);
      budget ??= new ScanBudget();
      const size = mediaSize(part, budget);
      const tokens = Math.max(...rules.map((each) => tokensOf(size, each)));
      atMost += tokens;
      likely += isKnown(size) ? tokens : Math.min(tokens, TOKENS_PER_MEDIA_PART);
    }
  }
  if (rules === undefined) return undefined;
  // Nobody reads more than goes into a context.
  const most = model.contextLength > 0 ? model.contextLength : Infinity;
  return { atMost: Math.min(atMost, most), likely: Math.min(likely, most) };
}

function tokensOf(size: MediaSize, rules: MediaRules): number {
  switch (size.kind) {
    case 'image':
      return rules.image(size.size, size.detail);
    case 'pages':
      return Math.min(size.pages, rules.pagesAtMost) * rules.page;
    case 'sound':
      return Math.max(LEAST_SOUND_TOKENS, Math.ceil(size.seconds * rules.soundSecond));
    case 'video':
      return Math.ceil(Math.max(1, size.seconds) * rules.videoSecond);
    case 'text':
      // A token is a byte at least.
      return size.bytes + FRAME_OF_FILE_TOKENS;
    case 'elsewhere':
      return UNKNOWN_FILE_TOKENS;
  }
}

function isKnown(size: MediaSize): boolean {
  return size.kind === 'image' ? size.size !== undefined : size.kind !== 'elsewhere';
}
