/** What went wrong, in a sentence for who typed the command. */
export class CliError extends Error {
  /** @param exitCode 1: asked rightly, but it did not work; 2: asked wrongly */
  constructor(
    message: string,
    readonly exitCode: 1 | 2,
  ) {
    super(message);
    this.name = 'CliError';
  }
}
