/** The periods of deliveries, in milliseconds. */
export class DeliveryTimes {
  /** How often the outbox is looked into while nothing is going on. */
  readonly pollMs: number = 500;
  /** For a whole attempt, from its connection to the end of the answer. */
  readonly attemptMs: number = 10_000;
  /** After this time without news an attempt counts as lost, with its process. Above `attemptMs`. */
  readonly leaseMs: number = 60_000;
  /** From an event's creation; no attempt begins later. */
  readonly giveUpAfterMs: number = 24 * 3_600_000;
  /** How long events stay stored that are delivered or given up. */
  readonly keepMs: number = 7 * 24 * 3_600_000;
  /** How long attempts under way may go on at shutdown before they are cut; cut ones are made again at the next start. */
  readonly shutdownMs: number = 2_000;
}
