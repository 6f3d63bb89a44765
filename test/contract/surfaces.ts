/** Where a client's base URL can point, and what differs there for a client. */
export interface ContractSurface {
  readonly letter: 'W' | 'Q' | 'L';
  /** What stands behind the origin in an SDK's `baseURL`. */
  readonly base: string;
  /** How a request that breaks a rule is refused. */
  readonly invalidStatus: 400 | 422;
  /** How an upstream's failure and its silence are told. */
  readonly failedStatus: 499 | 502;
  readonly timeoutStatus: 499 | 504;
}

export const SURFACES: readonly ContractSurface[] = [
  { letter: 'W', base: '/v1', invalidStatus: 400, failedStatus: 499, timeoutStatus: 499 },
  { letter: 'Q', base: '/api/v1', invalidStatus: 400, failedStatus: 502, timeoutStatus: 504 },
  { letter: 'L', base: '/api/public/v1/openai', invalidStatus: 422, failedStatus: 502, timeoutStatus: 504 },
];
