/** What a request cost, as posted. */
export interface Bill {
  /** The public model id that was asked for. */
  readonly model: string;
  readonly costNanoUsd: bigint;
  readonly creditHundredths: bigint;
}
