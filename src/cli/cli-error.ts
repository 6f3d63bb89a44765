/** What went wrong, in a sentence for who typed the command. */
export class CliError extends Error {
  /**
   * @param exitCode 1: asked rightly, but it did not work; 2: asked wrongly
   * @param field that the server refuses, by its name on the wire
   */
  constructor(
    message: string,
    readonly exitCode: 1 | 2,
    readonly field?: string,
  ) {
    super(message);
    this.name = 'CliError';
  }
}
