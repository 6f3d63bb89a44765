import { closed, COUNT, type JsonSchema, listOf, SOME_TEXT, TEXT } from './json-schema.js';

/** USD per token, a plain decimal. */
const PRICE: JsonSchema = { type: 'string', pattern: '^(0|[1-9]\\d*)(\\.\\d+)?$' };

/** LightningRod's ModelObject, every key present on every route. */
export const MODEL_OBJECT = closed({
  id: SOME_TEXT,
  object: { const: 'model' },
  created: COUNT,
  owned_by: SOME_TEXT,
  name: TEXT,
  description: TEXT,
  context_length: COUNT,
  max_completion_tokens: COUNT,
  pricing: closed({ prompt: PRICE, completion: PRICE, input_cache_read: PRICE }, ['input_cache_read']),
});

export const MODEL_LIST = closed({ object: { const: 'list' }, data: listOf(MODEL_OBJECT, 1) });
