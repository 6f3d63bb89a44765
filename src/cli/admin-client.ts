import type { CliConfig } from '../config/cli-config.js';
import { CliError } from './cli-error.js';
import type { Json } from './json.js';

export interface AdminRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Under `/admin/v1`. */
  readonly path: string;
  readonly query?: Json;
  readonly body?: Json;
  readonly idempotencyKey?: string | undefined;
}

/** Recomputing a large ledger takes its time. */
const DEADLINE_MS = 120_000;

/**
 * Calls the admin API of a running server.
 *
 * @param startCommand what starts one here
 * @throws CliError that tells what to do about it
 */
export async function callAdmin(
  { url, adminKey }: CliConfig,
  request: AdminRequest,
  startCommand: string,
): Promise<Json> {
  if (adminKey === undefined) {
    throw new CliError(
      'ADMIN_KEY is not set. Put the admin key, which the first start of the server printed, into the environment or into ./.env.',
      2,
    );
  }
  const response = await fetch(addressOf(url, request), {
    method: request.method,
    // The key is for the address that was named and no other.
    redirect: 'manual',
    headers: {
      authorization: `Bearer ${adminKey}`,
      ...(request.body && { 'content-type': 'application/json' }),
      ...(request.idempotencyKey !== undefined && { 'idempotency-key': request.idempotencyKey }),
    },
    ...(request.body && { body: JSON.stringify(request.body) }),
    signal: AbortSignal.timeout(DEADLINE_MS),
  }).catch((error: unknown) => {
    throw unreachable(url, error, startCommand);
  });
  const answer = await readJson(response);
  if (response.ok && answer !== undefined) return answer;
  throw refused(url, response.status, answer);
}

function addressOf(url: string, { path, query = {} }: AdminRequest): string {
  const search = new URLSearchParams(
    Object.entries(query).map(([name, value]): [string, string] => [name, String(value)]),
  );
  return `${url}/admin/v1${path}${search.size > 0 ? `?${search}` : ''}`;
}

async function readJson(response: Response): Promise<Json | undefined> {
  try {
    const value: unknown = await response.json();
    return typeof value === 'object' && value !== null ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

function unreachable(url: string, error: unknown, startCommand: string): CliError {
  const cause = (error as { cause?: { code?: unknown } }).cause?.code;
  const why = typeof cause === 'string' ? cause : (error as Error).name;
  return new CliError(
    `No server answers at ${url} (${why}). Is it running (${startCommand})? TOLLGATE_URL names another address.`,
    1,
  );
}

function refused(url: string, status: number, answer: Json | undefined): CliError {
  if (status === 401 || status === 403) {
    return new CliError(`The server at ${url} does not take this ADMIN_KEY.`, 1);
  }
  const { message, param } = (answer?.['error'] ?? {}) as { message?: unknown; param?: unknown };
  if (typeof message !== 'string') {
    return new CliError(`What answers at ${url} (status ${status}) does not look like Tollgate.`, 1);
  }
  return new CliError(message, 1, typeof param === 'string' ? param : undefined);
}
