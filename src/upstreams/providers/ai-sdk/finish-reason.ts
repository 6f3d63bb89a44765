import type { FinishReason } from '../../../contracts/openai/chat-completion.js';
import { badResponse, generationFailed } from '../../upstream-failures.js';
import type { ModelFinishReason } from './language-model.js';
import type { Vendor } from './vendor.js';

/**
 * The packages' common finish reasons in OpenAI's words. They know each vendor's own, but for those that mean failure:
 * these stand in the vendor's row. A cut at the context window is a `length` too.
 * @see https://docs.claude.com/en/api/handling-stop-reasons
 * @see https://ai.google.dev/api/generate-content#FinishReason
 */
const FINISH_REASONS: Readonly<Record<ModelFinishReason['unified'], FinishReason | 'failed' | 'unknown'>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  other: 'unknown',
  error: 'failed',
  interrupted: 'failed',
};

/**
 * @throws UpstreamError `upstream_bad_response` without a reason of the vendor's own, for then the answer just stopped
 * coming; `upstream_error` when the vendor gave it up
 */
export type FinishReasonReader = (reason: ModelFinishReason) => FinishReason;

/** @param onUnknown told of a vendor's reason that nobody knows, which then counts as `stop` */
export function finishReasonReader(
  { failedFinishReasons }: Pick<Vendor, 'failedFinishReasons'>,
  onUnknown: (reason: string) => void,
): FinishReasonReader {
  return ({ unified, raw }) => {
    if (raw === undefined) throw badResponse('no finish reason');
    const reason = failedFinishReasons.includes(raw) ? 'failed' : FINISH_REASONS[unified];
    if (reason === 'failed') throw generationFailed(raw);
    if (reason !== 'unknown') return reason;
    onUnknown(raw.slice(0, 64));
    return 'stop';
  };
}
