/** Storage cannot be used and waiting will not help. `message` is one line for the operator: what is wrong, what to do. */
export class StorageStartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
