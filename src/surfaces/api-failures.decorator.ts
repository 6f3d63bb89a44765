import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiResponse, getSchemaPath } from '@nestjs/swagger';
import { DomainError } from '../common/errors/domain-error.js';
import type { ErrorCode } from '../common/errors/error-code.js';
import {
  ErrorResponse,
  ErrorResponseWithDetail,
  HttpValidationError,
} from '../contracts/openai/error-response.dto.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { ERROR_GUIDE } from './error-guide.js';
import { renderError, type RenderedError } from './render-error.js';
import { SURFACES, WATERFLAI, type Surface } from './surface.js';

/** What any route with a key may fail with. */
export const DOOR_FAILURES = [
  'missing_api_key',
  'invalid_api_key',
  'api_key_expired',
  'admin_key_not_accepted',
  'ambiguous_credentials',
  'permission_denied',
  'account_suspended',
  'address_not_allowed',
  'method_not_allowed',
  'request_rate_limited',
  'too_many_failed_attempts',
  'internal',
  'storage_unavailable',
] as const satisfies readonly ErrorCode[];

/** What a route that tells a key about its own account may fail with. */
export const SELF_SERVICE_FAILURES = [...DOOR_FAILURES, 'not_found'] as const satisfies readonly ErrorCode[];

/** What reading a body may fail with. */
const BODY_FAILURES = [
  'malformed_request',
  'validation_failed',
  'body_unreadable',
  'request_timeout',
  'request_too_large',
  'unsupported_content_type',
  'unsupported_charset',
  'unsupported_encoding',
] as const satisfies readonly ErrorCode[];

/** What a route that keeps a record of the account's may fail with. */
export const RECORD_FAILURES = [
  ...SELF_SERVICE_FAILURES,
  ...BODY_FAILURES,
  'model_not_allowed',
  'conflict',
  'storage_quota_exceeded',
] as const satisfies readonly ErrorCode[];

/** What a route of the admin API may fail with. */
export const ADMIN_FAILURES = [
  ...RECORD_FAILURES,
  'api_key_not_accepted',
] as const satisfies readonly ErrorCode[];

/** What an inference route may fail with before the first byte of its answer. */
export const INFERENCE_FAILURES = [
  ...DOOR_FAILURES,
  ...BODY_FAILURES,
  'model_not_found',
  'model_not_allowed',
  'price_unknown',
  'context_length_exceeded',
  'answer_too_large',
  'token_rate_limited',
  'tokens_above_limit',
  'concurrency_limited',
  'insufficient_quota',
  'idempotency_conflict',
  'idempotency_erased',
  'idempotency_not_kept',
  'idempotency_running',
  'upstream_rejected_request',
  'upstream_rate_limited',
  'upstream_unavailable',
  'upstream_bad_response',
  'upstream_error',
  'upstream_timeout',
  'overloaded',
  'draining',
  'storage_quota_exceeded',
] as const satisfies readonly ErrorCode[];

/** What inference within a conversation may fail with besides. */
export const TURN_FAILURES = ['not_found', 'conversation_busy'] as const satisfies readonly ErrorCode[];

/** What a route that reads or changes what an account has stored may fail with. */
export const CONVERSATION_FAILURES = [
  ...SELF_SERVICE_FAILURES,
  ...BODY_FAILURES,
  'conflict',
  'conversation_busy',
  'storage_quota_exceeded',
] as const satisfies readonly ErrorCode[];

interface Failure extends RenderedError {
  readonly code: ErrorCode;
  /** Whose form it has. */
  readonly surface: Surface;
}

/**
 * Publishes the failures of a controller's routes. Status, headers and body are those that the dialect answers with:
 * each example is rendered by what renders the real one. Examples stand in `failureExamples()` once.
 */
export function ApiFailures(surface: Surface, codes: readonly ErrorCode[]): ClassDecorator {
  const failures = codes.map((code) => toFailure(code, dialectOf(code, surface)));
  const byStatus = Map.groupBy(failures, ({ status }) => status);
  return applyDecorators(
    ApiExtraModels(ErrorResponse, ErrorResponseWithDetail, HttpValidationError),
    ...[...byStatus].map(([status, group]) => toApiResponse(status, group)),
  ) as ClassDecorator;
}

const PUBLISHED = [
  ...new Set<ErrorCode>([...INFERENCE_FAILURES, ...ADMIN_FAILURES, ...CONVERSATION_FAILURES]),
];

/** Bodies of failures by the name under which `components.examples` has them. */
export function failureExamples(): Record<string, { value: unknown }> {
  const examples = Object.values(SURFACES).flatMap((surface) =>
    PUBLISHED.map((code) => toFailure(code, dialectOf(code, surface))).map((failure) => [
      exampleName(failure),
      { value: failure.body },
    ]),
  );
  return Object.fromEntries(examples) as Record<string, { value: unknown }>;
}

function toFailure(code: ErrorCode, surface: Surface): Failure {
  return { code, surface, ...renderError(exampleOf(code), surface) };
}

/** A request that does not arrive in time is refused in one form: nobody has read its path yet. */
function dialectOf(code: ErrorCode, surface: Surface): Surface {
  return code === 'request_timeout' ? WATERFLAI : surface;
}

function exampleName({ code, surface }: Failure): string {
  return `${surface.name}.${code}`;
}

function toApiResponse(status: number, failures: readonly Failure[]) {
  return ApiResponse({
    status,
    description: failures.map(({ code }) => `- \`${code}\`: ${ERROR_GUIDE[code].meaning}`).join('\n'),
    headers: toHeaders(failures),
    content: {
      'application/json': {
        schema: { $ref: getSchemaPath(schemaOf(status, failures)) },
        examples: Object.fromEntries(
          failures.map((failure) => [
            failure.code,
            { $ref: `#/components/examples/${exampleName(failure)}` },
          ]),
        ),
      },
    },
  });
}

function toHeaders(failures: readonly Failure[]) {
  const sent = new Map(failures.flatMap(({ headers }) => Object.entries(headers)));
  return Object.fromEntries(
    [...sent].map(([name, example]) => [
      name,
      { description: HEADERS[name] ?? '', schema: { type: 'string' as const, example } },
    ]),
  );
}

const HEADERS: Readonly<Record<string, string>> = {
  'www-authenticate': 'The scheme to authenticate with.',
  'retry-after': 'Seconds until another try may succeed, 1 to 60.',
  'retry-after-ms': 'The same in milliseconds.',
  'x-should-retry': '`false`: the same request would fail again.',
};

function schemaOf(status: number, failures: readonly Failure[]): new () => object {
  if (status === 422) return HttpValidationError;
  return failures.some(({ surface }) => surface.errorDetail) ? ErrorResponseWithDetail : ErrorResponse;
}

function exampleOf(code: ErrorCode): DomainError {
  if (code !== 'validation_failed') return new DomainError(code, ERROR_GUIDE[code].message, PARAMS[code]);
  return new ValidationFailedError([{ kind: 'missing', path: ['model'], input: {} }], {});
}

/** Failures that name the field at fault. */
const PARAMS: Readonly<Partial<Record<ErrorCode, { param: string }>>> = {
  model_not_allowed: { param: 'model' },
  price_unknown: { param: 'model' },
  context_length_exceeded: { param: 'messages' },
  answer_too_large: { param: 'n' },
};
