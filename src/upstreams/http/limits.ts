/** Largest whole answer: room for n = 128 long answers with logprobs, or for an image in base64. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** Answers up to here are held however many there are; only so many at a time may be larger (per upstream). */
export const SMALL_ANSWER_BYTES = 256 * 1024;
export const LARGE_ANSWERS_AT_ONCE = 8;

/** As much of a failed answer as is read: enough for any vendor's error object. */
export const MAX_ERROR_BODY_BYTES = 64 * 1024;
