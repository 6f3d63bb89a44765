import { createRequire } from 'node:module';

/** The vocabulary as OpenAI publishes it: a line a token, its bytes in base64 and its rank, in the order of the ranks. */
export const O200K_BASE_FILE: string | URL = createRequire(import.meta.url).resolve(
  'gpt-tokenizer/data/o200k_base.tiktoken',
);
