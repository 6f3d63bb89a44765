/** Where the next page of a list goes on: after the last row of this one. Newest first, ids break ties. */
export interface PagePosition {
  readonly createdAtMs: number;
  readonly id: string;
}

/** One page of a list that is asked for. */
export interface PageRequest {
  /** Rows, at least 1. */
  readonly limit: number;
  /** `undefined`: from the start. */
  readonly after: PagePosition | undefined;
}

export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly hasMore: boolean;
}

/** @param rows up to one more than `limit`: the extra one tells that there are more, and is not given */
export function toPage<Row>(rows: readonly Row[], limit: number): Page<Row> {
  return { rows: rows.slice(0, limit), hasMore: rows.length > limit };
}
