/** What a log says of an error. */
export interface LoggedError {
  readonly type: string;
  readonly message: string;
  readonly code: unknown;
  readonly stack: string | undefined;
  readonly cause: LoggedError | undefined;
}

/** More causes than anybody chains, fewer than a circle has. */
const MAX_CAUSES = 5;

/**
 * An error without what libraries hang on theirs: whole requests are among it, with their prompts and credentials.
 * A thrown value that is no error is named by its type alone.
 */
export function loggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) {
    return { type: typeof error, message: '', code: undefined, stack: undefined, cause: undefined };
  }
  const { cause } = error;
  return {
    type: error.name,
    message: error.message,
    code: 'code' in error ? error.code : undefined,
    stack: error.stack,
    cause: cause instanceof Error && depth < MAX_CAUSES ? loggedError(cause, depth + 1) : undefined,
  };
}
