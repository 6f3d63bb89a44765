/**
 * The configuration cannot be used. Carries every fault found, in one message for the operator; a fault names the
 * variable, or the file, line and field, and never a value: values may be secrets.
 */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${list(faults)}`,
    );
    this.name = 'ConfigError';
  }
}

function list(faults: readonly string[]): string {
  return faults.map((fault) => `  ${fault}`).join('\n');
}
