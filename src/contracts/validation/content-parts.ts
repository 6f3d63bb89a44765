import { list, shape, tagged } from './composites.js';
import { MAX_PARTS } from './limits.js';
import { choice, text } from './primitives.js';

/** Base64 and data URIs: the body limit is their limit. */
export const data = text({ max: Infinity });

export const textPart = shape({ required: { text: text() } });

/** The gateway never fetches a URL; it lets through only those that an upstream could mean to. */
export const url = text({
  min: 1,
  max: Infinity,
  pattern: /^(?:https?:\/\/|data:)/i,
  expected: 'a URL that starts with http://, https:// or data:',
});

const imagePart = shape({
  required: { image_url: shape({ required: { url }, optional: { detail: choice('auto', 'low', 'high') } }) },
});
export const audioPart = shape({
  required: { input_audio: shape({ required: { data, format: choice('wav', 'mp3') } }) },
});
const filePart = shape({
  required: { file: shape({ optional: { filename: text(), file_data: data, file_id: text() } }) },
});
export const refusalPart = shape({ required: { refusal: text() } });

/** At least one part, of these kinds. */
export const parts = (variants: Parameters<typeof tagged>[1]) =>
  list(tagged('type', variants), { min: 1, max: MAX_PARTS });

/**
 * What may stand in a content array, by who speaks.
 * @see openai-openapi 2.3.0, ChatCompletionRequest{System,User,Assistant,Tool}MessageContentPart
 */
export const textParts = parts({ text: textPart });
export const userParts = parts({
  text: textPart,
  image_url: imagePart,
  input_audio: audioPart,
  file: filePart,
});
export const assistantParts = parts({ text: textPart, refusal: refusalPart });
