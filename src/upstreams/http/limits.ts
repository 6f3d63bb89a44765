/** Largest whole answer: room for n = 128 long answers with logprobs, or for an image in base64. */
export const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

/** As much of a failed answer as is read: enough for any vendor's error object. */
export const MAX_ERROR_BODY_BYTES = 64 * 1024;
