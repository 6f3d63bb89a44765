import type { CompiledQuery, Kysely, QueryResult, RawBuilder } from 'kysely';
import type { Tables } from './tables.js';

/**
 * A statement of the hot path. Its SQL is built once, at the first run, because building it anew costs more than
 * running it; the values in `template` only mark the places of parameters.
 */
export class FixedQuery<Row = unknown> {
  private compiled: CompiledQuery<Row> | undefined;

  constructor(private readonly template: RawBuilder<Row>) {}

  /** @param parameters in the order of their places in the text, one for each */
  run(db: Kysely<Tables>, parameters: readonly unknown[]): Promise<QueryResult<Row>> {
    this.compiled ??= this.template.compile(db);
    return db.executeQuery<Row>({ ...this.compiled, parameters });
  }
}
