import { types, type CustomTypesConfig } from 'pg';

/**
 * How values come back: `int8` as `bigint`, whole `numeric` (what `sum` over `int8` gives) as `bigint` too, the rest as
 * `pg` does it. Given to each client, so that no other user of `pg` in the process is affected.
 */
export const POSTGRES_TYPES: CustomTypesConfig = {
  // `pg` types its table of parsers as `any`: every type has its own result.
  getTypeParser: ((oid: number, format?: 'text' | 'binary') => {
    if (format !== 'binary') {
      if (oid === types.builtins.INT8) return BigInt;
      if (oid === types.builtins.NUMERIC) return parseNumeric;
    }
    return types.getTypeParser(oid, format);
  }) as CustomTypesConfig['getTypeParser'],
};

/** A fraction stays text, exact. */
function parseNumeric(text: string): bigint | string {
  return /^-?\d+$/.test(text) ? BigInt(text) : text;
}
