import { describe, expect, it } from '@jest/globals';
import { QOLABA, WATERFLAI } from './surface.js';
import { renderUsage } from './usage.js';
import { answerText, refuseTooLarge } from './answer-text.js';
import { AnswerTooLargeError } from './answer-too-large.error.js';

const bill = { model: 'm', costNanoUsd: 1_000_000n, creditHundredths: 2n };
const usage = { prompt_tokens: 3, completion_tokens: 4, total_tokens: 7 };

describe('answerText', () => {
  it.each([WATERFLAI, QOLABA])(
    'is the JSON of the answer with its usage, in its order ($name)',
    (surface) => {
      const body = {
        id: 'a"b',
        choices: [{ index: 0, message: { content: '“x”\n' }, logprobs: null }, { index: 1 }],
        usage: 'unknown yet',
        gone: undefined,
        system_fingerprint: 'fp',
      };
      expect(answerText(body).with(usage, bill, surface)).toBe(
        JSON.stringify({ ...body, usage: renderUsage(usage, bill, surface) }),
      );
    },
  );

  it('is JSON with usage first or last as well', () => {
    const rendered = renderUsage(usage, bill, QOLABA);
    expect(answerText({ usage: 0 }).with(usage, bill, QOLABA)).toBe(JSON.stringify({ usage: rendered }));
    expect(answerText({ a: [], usage: 0 }).with(usage, bill, QOLABA)).toBe(
      JSON.stringify({ a: [], usage: rendered }),
    );
  });

  it('does not begin to write log probabilities that cannot fit', () => {
    let written = 0;
    const token = {
      toJSON() {
        written += 1;
        return {};
      },
      top_logprobs: Array.from({ length: 20 }),
    };
    const choice = { logprobs: { content: Array.from({ length: 100_000 }, () => token) } };
    expect(() => answerText({ choices: [choice] })).toThrow(AnswerTooLargeError);
    expect(written).toBe(0);
  });

  it.each([(content: string) => ({ message: { content } }), (text: string) => ({ text })])(
    'is too large beyond 64 MiB of text, whatever becomes of its characters: %s',
    (choiceOf) => {
      const choices = (count: number, text: string) => ({
        choices: Array.from({ length: count }, () => choiceOf(text)),
        usage: 0,
      });
      const text = 'x'.repeat(20 * 1024 * 1024);
      expect(() => answerText(choices(4, text))).toThrow(AnswerTooLargeError);
      expect(() => answerText(choices(3, text))).not.toThrow();
      // Six characters of JSON each.
      expect(() => answerText(choices(1, '\0'.repeat(12 * 1024 * 1024)))).toThrow(AnswerTooLargeError);
    },
  );

  it('finds the place of its usage whatever is said', () => {
    const content = 'so "usage":0 and \\"usage":0';
    const body = {
      choices: [{ message: { content, annotations: [{ usage: 0 }] } }],
      usage: 0,
      system_fingerprint: '"usage":0',
    };
    expect(answerText(body).with(usage, bill, QOLABA)).toBe(
      JSON.stringify({ ...body, usage: renderUsage(usage, bill, QOLABA) }),
    );
  });
});

describe('refuseTooLarge', () => {
  it('lets pass what fits, and text whatever its length', () => {
    expect(() => refuseTooLarge(1_000_000, 50)).not.toThrow();
    expect(() => refuseTooLarge(Number.MAX_SAFE_INTEGER, 0)).not.toThrow();
    expect(() => refuseTooLarge(2_000_000, 50)).toThrow(AnswerTooLargeError);
  });
});
