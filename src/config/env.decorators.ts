/**
 * One decorator a kind of environment variable: reads the text, checks the value, and says in one line what it must be.
 * Messages never hold the value. An unset variable keeps the default written beside it.
 */
import { Transform } from 'class-transformer';
import { ValidateBy } from 'class-validator';
import { parseDecimal } from '../common/money/decimal.js';
import type { ConversationKey, PricingConfig } from './app-config.js';
import { parseBaseUrl } from './base-url.js';
import { parseConversationKeys } from './conversation-keys.js';
import { isHeaderSafe } from './secret-text.js';
import { parseTokenPrice } from './token-price.js';

/** A whole number within bounds, both included. */
export function Whole({ min, max }: { min: number; max: number }): PropertyDecorator {
  return variable<number>(
    (text) => (/^\d{1,15}$/.test(text) ? Number(text) : undefined),
    (value) => value >= min && value <= max,
    `must be a whole number from ${min} to ${max}`,
  );
}

/** Milliseconds; the upper bound is that of Node's timers. */
export function Milliseconds({ min = 1 }: { min?: number } = {}): PropertyDecorator {
  return Whole({ min, max: 2_147_483_647 });
}

/** A decimal number, held as whole units of 10^-decimals. */
export function Decimal({ decimals, zero }: { decimals: number; zero: boolean }): PropertyDecorator {
  return variable<bigint>(
    (text) => attempt(() => parseDecimal(text, decimals)),
    (value) => zero || value > 0n,
    `must be a plain decimal number ${zero ? 'of 0 or more' : 'above 0'} with at most ${decimals} decimals`,
  );
}

/** Free text: a path, a host name. */
export function Text(): PropertyDecorator {
  return variable<string>(
    (text) => text,
    (value) => !/[\p{Cc}]/u.test(value),
    'must hold no control characters',
  );
}

/** A key, as it is sent in a header. */
export function Secret(): PropertyDecorator {
  return variable<string>((text) => text, isHeaderSafe, 'must be visible ASCII characters without spaces');
}

/** The base address of an upstream. */
export function BaseUrl(): PropertyDecorator {
  return variable<string>(
    (text) => attempt(() => parseBaseUrl(text)),
    () => true,
    'must be an http:// or https:// URL without user name, password, query or fragment',
  );
}

/** An address to send to, query included: it may hold a token. */
export function HttpUrl(): PropertyDecorator {
  return variable<string>(
    (text) => URL.parse(text)?.href,
    (value) => {
      const { protocol, username, password, hash } = new URL(value);
      return ['http:', 'https:'].includes(protocol) && username === '' && password === '' && hash === '';
    },
    'must be an http:// or https:// URL without user name, password or fragment',
  );
}

/** The address of a server, password included. */
export function ServerUrl(...schemes: readonly string[]): PropertyDecorator {
  return variable<string>(
    (text) => text,
    (value) => schemes.includes(URL.parse(value)?.protocol.slice(0, -1) ?? ''),
    `must be a URL that starts with ${schemes.map((scheme) => `${scheme}://`).join(' or ')}`,
  );
}

export function OneOf(...words: readonly string[]): PropertyDecorator {
  return variable<string>(
    (text) => text,
    (value) => words.includes(value),
    `must be one of ${words.join(', ')}`,
  );
}

/** Parts between commas, each trimmed; empty parts are dropped. */
export function ListOf(isGood: (part: string) => boolean, mustBe: string): PropertyDecorator {
  return variable<string[]>(
    (text) =>
      text
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
    (parts) => parts.length > 0 && parts.every(isGood),
    mustBe,
  );
}

/** `prompt,completion` or `prompt,completion,cached prompt`, each in USD per token. */
export function TokenPrices(): PropertyDecorator {
  return variable<PricingConfig>(
    (text) => attempt(() => parseTokenPrices(text)),
    () => true,
    'must be the prices of a prompt and a completion token in USD per token, such as 0.0000003,0.0000025',
  );
}

/** `name:key,older:key`, each key 32 bytes in base64. */
export function ConversationKeys(): PropertyDecorator {
  return variable<ConversationKey[]>(
    parseConversationKeys,
    () => true,
    'must be keys such as 2026-11:<base64 of 32 bytes>, separated by commas, no name and no key twice',
  );
}

function parseTokenPrices(text: string): PricingConfig | undefined {
  const [prompt, completion, cachedPrompt, ...more] = text
    .split(',')
    .map((part) => parseTokenPrice(part.trim()));
  if (prompt === undefined || completion === undefined || more.length > 0) return undefined;
  return { prompt, completion, cachedPrompt };
}

/** Stands for a text that could not be read; no value of a variable equals it. */
const UNREADABLE = Symbol('unreadable');

function variable<Value>(
  read: (text: string) => Value | undefined,
  isGood: (value: Value) => boolean,
  mustBe: string,
): PropertyDecorator {
  const transform = Transform(({ value }: { value: unknown }) =>
    typeof value === 'string' ? (read(value) ?? UNREADABLE) : value,
  );
  const validate = ValidateBy({
    name: 'variable',
    validator: {
      validate: (value: unknown) => value !== UNREADABLE && isGood(value as Value),
      defaultMessage: () => mustBe,
    },
  });
  return (target, property) => {
    transform(target, property);
    validate(target, property);
  };
}

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
