import type { ReportedUsage } from '../upstreams/upstream.port.js';
import { sumUsage } from './completions/sum-usage.js';
import type { PromptMeasure } from './prompt.js';

/** One upstream call of an answer. */
export interface MadeCall {
  /** What was sent with it. */
  readonly prompt: string;
  /** As last reported; `undefined`: nothing so far. */
  readonly usage: ReportedUsage;
}

/**
 * The calls that one answer is made of, where that is more than one: each is charged as an answer of its own is, so from
 * its first word on. One instance an attempt; an endpoint that makes one call of the whole request leaves it as it is.
 */
export class Calls {
  /** Those that go on may end; no other is begun. */
  stopped = false;
  private readonly made: MadeCall[] = [];
  private measure: ((prompts: readonly string[]) => PromptMeasure) | undefined;

  /**
   * From now on nothing counts as read but what is told of.
   * @param measure so many of the request's prompts, with what each call puts around its own
   */
  countedBy(measure: (prompts: readonly string[]) => PromptMeasure): void {
    this.measure = measure;
  }

  /** The upstream has read it, and begun to answer. */
  answered(call: MadeCall): void {
    this.made.push(call);
  }

  stop(): void {
    this.stopped = true;
  }

  /** What was read; `undefined`: the whole request. */
  get prompt(): PromptMeasure | undefined {
    return this.measure?.(this.made.map(({ prompt }) => prompt));
  }

  /** Those that have reported nothing yet; where an endpoint makes but one, that. */
  get unheard(): number {
    return this.measure === undefined ? 1 : this.made.filter(({ usage }) => usage === undefined).length;
  }

  /**
   * What the calls reported so far, added up, and whether that is all of them; `undefined` where none did, or an endpoint
   * makes but one.
   */
  get reported(): { readonly usage: ReportedUsage; readonly all: boolean } | undefined {
    const reports = this.made.flatMap(({ usage }) => (usage === undefined ? [] : [usage]));
    const usage = reports.length === 0 ? undefined : sumUsage(reports);
    return usage && { usage, all: reports.length === this.made.length };
  }
}
