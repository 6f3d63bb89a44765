import { setTimeout as sleep } from 'node:timers/promises';
import { isChatbotId } from '../../src/common/ids/chatbot-id.js';
import { costNanoUsd, creditHundredths } from '../../src/common/money/cost.js';
import { parsePicoUsd } from '../../src/common/money/usd.js';
import type { Payer } from './crash-accounts.js';
import { answerTo, askedOf } from './crash-talks.js';
import { json, sse, type Reply } from './fake-upstream-replies.js';
import { chatAnswer, chatChunks, wireUsage } from './fake-upstream-wire.js';
import type { Seen } from './invariants.js';
import { MODEL } from './tollgate.js';

/** Of `MODEL` in `catalogueYaml`. */
const PRICE = {
  version: 'of the tests',
  promptPicoUsdPerToken: parsePicoUsd('0.0000003'),
  completionPicoUsdPerToken: parsePicoUsd('0.0000025'),
};
const CREDIT_NANO_USD = 5_000_000n;

const WORKERS = 8;

/** An upstream under load: answers that take some time, and one in ten that fails. Another usage each time. */
export const busyUpstream: Reply = async (response, request) => {
  const text = `${answerTo(askedOf(request))} two three four five six seven eight`;
  const usage = wireUsage(20 + Math.floor(Math.random() * 80), 200 + Math.floor(Math.random() * 4_000));
  if (Math.random() < 0.1) return json({ error: { message: 'no' } }, { status: 500 })(response, request);
  if (request.body['stream'] === true) {
    const chunks = chatChunks(text, { usage });
    return sse(chunks, { delayMs: 1 + Math.random() * 20 })(response, request);
  }
  await sleep(Math.random() * 40, undefined, { ref: false });
  return json(chatAnswer({ content: text, usage }))(response, request);
};

/** One that answers at once, and always. */
export const calmUpstream: Reply = (response, request) => {
  const text = answerTo(askedOf(request));
  const usage = wireUsage(20, 200);
  return request.body['stream'] === true
    ? sse(chatChunks(text, { usage }))(response, request)
    : json(chatAnswer({ content: text, usage }))(response, request);
};

/**
 * Clients that ask without a pause, whole and streamed, on all surfaces, models and chatbots, until `active` says no or
 * nobody answers.
 *
 * @param talk what a payer says next to its chatbot
 * @returns what became of every request whose id was seen
 */
export async function load(
  originOf: () => string,
  payers: readonly Payer[],
  talk: (payer: Payer) => Pick<Question, 'conversation' | 'content'>,
  active: () => boolean,
): Promise<Seen[]> {
  const seen: Seen[] = [];
  await Promise.all(
    Array.from({ length: WORKERS }, async (_, worker) => {
      for (let turn = worker; active(); turn += 1) {
        const payer = payers[turn % payers.length] as Payer;
        const stream = turn % 3 !== 0;
        const question =
          Math.random() < 0.5 ? { stream } : { stream, model: payer.chatbotId, ...talk(payer) };
        const one = await ask(originOf(), payer.secret, question);
        if (one !== undefined) seen.push(one);
        else await sleep(5);
      }
    }),
  );
  return seen;
}

const PATHS = ['/v1', '/api/v1', '/api/public/v1/openai'];

export interface Question {
  readonly stream: boolean;
  /** A chatbot's id: a turn of a conversation. */
  readonly model?: string;
  readonly maxTokens?: number;
  /** Default: a new one. */
  readonly conversation?: string | undefined;
  readonly content?: string;
}

/** Asks on any surface. @returns `undefined` when not even a status came */
export async function ask(origin: string, key: string, question: Question): Promise<Seen | undefined> {
  const { stream } = question;
  let response: Response;
  try {
    response = await post(origin, key, question);
  } catch {
    return undefined;
  }
  const requestId = response.headers.get('x-request-id') ?? '';
  const conversation = isChatbotId(question.model ?? '')
    ? (response.headers.get('x-conversation-id') ?? 'no conversation')
    : undefined;
  let text: string;
  try {
    text = await response.text();
  } catch {
    return { requestId, end: 'cut' };
  }
  if (response.status !== 200) {
    const { status, headers } = response;
    const { error } = JSON.parse(text) as { error: { code: string | null } };
    const refusal = { status, code: error.code, retryAfter: headers.get('retry-after') };
    return { requestId, end: 'refused', refusal };
  }
  if (!stream)
    return { requestId, end: 'whole', conversation, creditHundredths: creditsOf(JSON.parse(text)) };
  // A connection that dies between two events looks like an end to some clients; only [DONE] is one.
  if (text.includes('"error"')) return { requestId, end: 'partial' };
  if (!text.includes('\ndata: [DONE]\n\n')) return { requestId, end: 'cut' };
  const events = text.split('\n\n').filter((event) => event.includes('"usage":{'));
  return {
    requestId,
    end: 'whole',
    conversation,
    creditHundredths: creditsOf(JSON.parse(events.at(-1)?.slice('data: '.length) ?? '{}')),
  };
}

/** Asks for a stream and leaves when its first bytes are there. */
export async function leave(
  origin: string,
  key: string,
  headers: Record<string, string> = {},
): Promise<void> {
  const leaving = new AbortController();
  const response = await post(origin, key, { stream: true }, headers, leaving.signal);
  await response.body?.getReader().read();
  leaving.abort();
}

function post(
  origin: string,
  key: string,
  { stream, model = MODEL, maxTokens = 5_000, conversation, content = 'count' }: Question,
  headers: Record<string, string> = {},
  signal?: AbortSignal,
): Promise<Response> {
  // The first is the one that has conversations.
  const path = isChatbotId(model) ? PATHS[0] : PATHS[Math.floor(Math.random() * PATHS.length)];
  return fetch(`${origin}${path}/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      model,
      messages: [{ role: 'user', content }],
      max_tokens: maxTokens,
      conversation_id: conversation,
      ...(stream && { stream: true, stream_options: { include_usage: true } }),
    }),
    ...(signal !== undefined && { signal }),
  });
}

function creditsOf(answer: unknown): bigint {
  const { usage } = answer as { usage: { prompt_tokens: number; completion_tokens: number } };
  const tokens = { promptTokens: usage.prompt_tokens, completionTokens: usage.completion_tokens };
  return creditHundredths(costNanoUsd(tokens, PRICE), CREDIT_NANO_USD);
}
