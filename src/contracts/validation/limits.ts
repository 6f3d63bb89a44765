/**
 * Caps on what one request may carry. They bound the work of validation, price arithmetic and echoing; none is meant
 * to be felt by an honest client, except where OpenAI's own limit is quoted.
 */

/** Characters of one text (a message, a text part, a prompt). Data URIs and file data have the body limit only. */
export const MAX_TEXT_CHARS = 8 * 1024 * 1024;

export const MAX_MESSAGES = 8192;
/** Of one request, that are stored: they are written while others wait for their charges. */
export const MAX_STORED_MESSAGES = 1024;
export const MAX_PARTS = 2048;
export const MAX_TOOLS = 1024;
export const MAX_TOOL_CALLS = 1024;
/** OpenAI's own. */
export const MAX_FUNCTIONS = 128;
/** OpenAI's own. */
export const MAX_STOP = 4;
/** OpenAI takes ten thousand; nobody writes a megabyte that an answer ends at. */
export const MAX_STOP_CHARS = 65_536;
export const MAX_LOGIT_BIAS = 1024;
export const MAX_PROMPTS = 1024;
/** Token ids of one prompt. */
export const MAX_PROMPT_TOKENS = 2 * 1024 * 1024;

/** `model`, `conversation_id`. */
export const MAX_NAME_CHARS = 256;

/** Tokens and token ids are 32-bit everywhere upstream, and price arithmetic must never see 1e20. */
export const MAX_INT32 = 2 ** 31 - 1;
/** OpenAI's own. */
export const MAX_CHOICES = 128;

/** Reported per request; the rest would repeat them. */
export const MAX_ISSUES = 100;
