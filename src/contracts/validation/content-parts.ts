import { list, refine, shape, tagged } from './composites.js';
import { formatPath } from './issue.js';
import { MAX_PARTS } from './limits.js';
import { choice, text } from './primitives.js';
import type { Constraint } from './rule.js';

/** Base64 and data URIs: the body limit is their limit. */
export const data = text({ max: Infinity });

export const textPart = shape({ required: { text: text() } });

/** The gateway never fetches a URL; it lets through only those that an upstream could mean to. */
const url = text({
  min: 1,
  max: Infinity,
  pattern: /^(?:https?:\/\/|data:)/i,
  expected: 'a URL that starts with http://, https:// or data:',
});

const IMAGE_HEAD = /^data:image\/[a-z0-9.+-]+(?:;[^;,]*)*;base64$/i;
const NO_BASE64 = /[^A-Za-z0-9+/=_\s-]/;
/** A head is short; what has no comma so far has none that counts. */
const MAX_HEAD_CHARS = 256;

/** A data URL that is no image would be refused by every upstream, after it was carried there. */
export const imageUrl: Constraint = refine<string>(url, (value, path, report) => {
  if (!/^data:/i.test(value)) return;
  const fault = imageFault(value);
  if (fault === undefined) return;
  const expected =
    "Expected a base64-encoded data URL with an image MIME type (e.g. 'data:image/png;base64,aW1nIGJ5dGVzIGhlcmU=')";
  report({
    kind: 'conflict',
    message: `Invalid '${formatPath(path)}'. ${expected}, but got ${fault}.`,
    code: 'invalid_value',
    path,
    input: value,
  });
});

/** @returns what it is instead of an image; `undefined`: it may be one */
function imageFault(dataUrl: string): string | undefined {
  const comma = dataUrl.slice(0, MAX_HEAD_CHARS).indexOf(',');
  const head = comma < 0 ? '' : dataUrl.slice(0, comma);
  if (comma < 0 || !/;base64$/i.test(head)) return "a value without the ';base64' separator";
  if (!IMAGE_HEAD.test(head)) {
    const type = /^data:([^;,]*)/i.exec(head)?.[1] ?? '';
    return `unsupported MIME type '${type.slice(0, 64)}'`;
  }
  const base64 = dataUrl.slice(comma + 1);
  if (base64.trim() === '') return 'empty base64-encoded bytes';
  return NO_BASE64.test(base64) ? 'an invalid base64-encoded value' : undefined;
}

const imagePart = shape({
  required: {
    image_url: shape({ required: { url: imageUrl }, optional: { detail: choice('auto', 'low', 'high') } }),
  },
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
