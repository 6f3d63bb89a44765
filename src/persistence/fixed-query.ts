import { CompiledQuery, type Kysely, type QueryResult, type RawBuilder } from 'kysely';
import type { Tables } from './tables.js';

/**
 * A statement of the hot path. Its SQL is built once, at the first run, because building it anew costs more than
 * running it; the values in `template` only mark the places of parameters.
 */
export class FixedQuery<Row = unknown> {
  #text: string | undefined;

  constructor(private readonly template: RawBuilder<unknown>) {}

  /** @param parameters in the order of their places in the text, one for each */
  run(db: Kysely<Tables>, parameters: readonly unknown[]): Promise<QueryResult<Row>> {
    this.#text ??= this.template.compile(db).sql;
    return db.executeQuery<Row>(CompiledQuery.raw(this.#text, [...parameters]));
  }
}
