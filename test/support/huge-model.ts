import { chatChunks } from './fake-upstream-wire.js';

/** Its answers may be as long as it takes to fill every buffer between upstream and client; cheap enough for that. */
export const HUGE_MODEL = 'huge';

export const HUGE_MODEL_YAML = `
  - id: ${HUGE_MODEL}
    max_completion_tokens: 10000000
    pricing: { prompt: "0", completion: "0.0000000001" }
    routes: [ { upstream: main, model: huge } ]
`;

/** Tokens a minute that no such answer uses up. */
export const HUGE_TPM = { DEFAULT_TPM: '1000000000000' } as const;

/** Sixteen kilobytes of words. */
export const PAGE = 'some words '.repeat(1_500);

/** A page as one event. */
export const PAGE_CHUNK = chatChunks([PAGE])[1];
