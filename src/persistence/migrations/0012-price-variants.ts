import type { Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';

/** What a price may say beside two numbers: sound, searches of the web, and the service tier that it is for. */
export const priceVariants: Migration = {
  async up(db: Kysely<unknown>) {
    const amounts = [
      'audio_prompt_pico_usd_per_token',
      'audio_completion_pico_usd_per_token',
      'web_search_pico_usd',
    ];
    for (const column of amounts) {
      await db.schema.alterTable('price_versions').addColumn(column, 'bigint').execute();
    }
    await db.schema.alterTable('price_versions').addColumn('service_tier', 'text').execute();
  },
};
