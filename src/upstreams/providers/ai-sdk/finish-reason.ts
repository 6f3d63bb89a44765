import type { FinishReason } from '../../../contracts/openai/chat-completion.js';
import { UpstreamError } from '../../upstream.errors.js';
import type { ModelFinishReason } from './language-model.js';
import type { Vendor } from './vendor.js';

/**
 * The packages' common finish reasons in OpenAI's words. A cut at the context window is a `length` too; a reason that
 * neither the package nor the vendor's table of failures knows is a `stop`.
 * @see https://docs.claude.com/en/api/handling-stop-reasons
 * @see https://ai.google.dev/api/generate-content#FinishReason
 */
const FINISH_REASONS: Readonly<Record<ModelFinishReason['unified'], FinishReason | 'failed'>> = {
  stop: 'stop',
  length: 'length',
  'tool-calls': 'tool_calls',
  'content-filter': 'content_filter',
  other: 'stop',
  error: 'failed',
  interrupted: 'failed',
};

/**
 * @throws UpstreamError `upstream_bad_response` when the answer failed or just stopped coming: without a reason of the
 * vendor's own it is not complete
 */
export function toFinishReason(
  { unified, raw }: ModelFinishReason,
  vendor: Pick<Vendor, 'failedFinishReasons'>,
): FinishReason {
  if (raw === undefined)
    throw new UpstreamError('upstream_bad_response', 'The upstream broke off its answer.');
  const reason = vendor.failedFinishReasons.includes(raw) ? 'failed' : FINISH_REASONS[unified];
  if (reason !== 'failed') return reason;
  throw new UpstreamError('upstream_bad_response', 'The upstream gave up on its answer.', {
    cause: new Error(`finish reason ${raw.slice(0, 64)}`),
  });
}
