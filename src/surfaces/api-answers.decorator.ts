import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiOkResponse, getSchemaPath } from '@nestjs/swagger';
import type { ErrorCode } from '../common/errors/error-code.js';
import { StreamFailure } from '../contracts/openai/error-response.dto.js';
import { ApiFailures, INFERENCE_FAILURES } from './api-failures.decorator.js';
import type { Surface } from './surface.js';

const header = (description: string, example: string) => ({
  description,
  schema: { type: 'string' as const, example },
});

const ANSWER_HEADERS = {
  'x-request-id': header(
    'The request: `X-Request-Id` of the caller where it sent one.',
    'req_01a2013a92cfb348342de811a69eba68',
  ),
  'openai-processing-ms': header('Milliseconds from arrival to the first byte.', '412'),
  'idempotent-replayed': header('`true`: this answer was given before, and costs nothing.', 'true'),
  'x-ratelimit-limit-requests': header('Requests a minute.', '6000'),
  'x-ratelimit-remaining-requests': header('Requests left.', '5999'),
  'x-ratelimit-reset-requests': header('Until all are there again.', '10ms'),
  'x-ratelimit-limit-tokens': header('Tokens a minute.', '10000000'),
  'x-ratelimit-remaining-tokens': header('Tokens left, before this request.', '10000000'),
  'x-ratelimit-reset-tokens': header('Until all are there again.', '0s'),
};

/**
 * Publishes the answers of an inference controller: the whole one, the chunks of the streamed one, and its failures.
 * The shapes are the dialect's own, so they stand at the controller that serves it, not at the method that all share.
 *
 * @param moreFailures beside those of any inference
 */
export function ApiAnswers(
  surface: Surface,
  Answer: new () => object,
  Chunk: new () => object,
  moreFailures: readonly ErrorCode[] = [],
): ClassDecorator {
  return applyDecorators(
    ApiExtraModels(Answer, Chunk, StreamFailure),
    ApiHeader({
      name: 'Idempotency-Key',
      required: false,
      description:
        'Of your own choice, for a day: the same request with the same key gets the same answer and is charged once. Ignored where the account stores nothing.',
      schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
    }),
    ApiOkResponse({
      description: 'The answer: whole, or with `stream: true` in events that `data: [DONE]` ends.',
      headers: ANSWER_HEADERS,
      content: {
        'application/json': { schema: { $ref: getSchemaPath(Answer) } },
        'text/event-stream': {
          schema: {
            description: 'The `data` of each event.',
            oneOf: [{ $ref: getSchemaPath(Chunk) }, { $ref: getSchemaPath(StreamFailure) }],
          },
        },
      },
    }),
    ApiFailures(surface, [...INFERENCE_FAILURES, ...moreFailures]),
  ) as ClassDecorator;
}
