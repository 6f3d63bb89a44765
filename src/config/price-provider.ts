import { findProvider } from '@pydantic/genai-prices';
import { nearestWord } from '../common/nearest-word.js';
import { UPSTREAM_PRESETS } from './upstream-presets.js';

/**
 * The name of a provider, as the price table calls it or knows it as well.
 *
 * @throws RangeError for one that the table does not have: no model would have a price
 */
export function parsePriceProvider(text: string): string {
  if (findProvider({ providerId: text }) !== undefined) return text;
  const usual = UPSTREAM_PRESETS.map(({ priceProvider }) => priceProvider);
  const meant = nearestWord(text, usual);
  throw new RangeError(
    `names nobody whom the price table knows; ${meant === undefined ? `it knows ${usual.join(', ')} and others` : `did you mean "${meant}"?`}`,
  );
}
