import type { CatalogueConfig } from '../config/app-config.js';
import type { Catalogue } from './catalogue.js';

/** Named in one warning. */
const MOST_NAMED = 10;

/** What an operator should look at in a configuration that works, in sentences; mostly nothing. */
export function catalogueWarnings(
  { upstreams, models }: CatalogueConfig,
  { prices }: Pick<Catalogue, 'prices'>,
): string[] {
  const unpriced = models.filter(({ id }) => !prices.has(id)).map(({ id }) => id);
  const routed = new Set(models.flatMap(({ routes }) => routes.map(({ upstream }) => upstream)));
  const unused = upstreams.filter(({ name, discover }) => !discover && !routed.has(name));
  return [
    ...(unpriced.length === 0
      ? []
      : [
          `No price known, so not listed and refused: ${named(unpriced)}. Write one: docs/configuration.md, Prices`,
        ]),
    ...(unused.length === 0
      ? []
      : [
          `No model routes to these upstreams, and they are not asked for models of their own (discover): ${named(unused.map(({ name }) => name))}`,
        ]),
  ];
}

function named(words: readonly string[]): string {
  const more = words.length > MOST_NAMED ? ` and ${words.length - MOST_NAMED} more` : '';
  return `${words.slice(0, MOST_NAMED).join(', ')}${more}`;
}
