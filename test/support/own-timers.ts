import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Timers and immediates of Node, those of `timers/promises` included. */
const KINDS = new Set(['Timeout', 'Immediate']);

const owner = new AsyncLocalStorage<OwnTimers>();

/**
 * Counts the timers and immediates that some work makes, and nobody else: what another test, the test runner or a
 * library does in the same process is none of it.
 */
export class OwnTimers implements Disposable {
  readonly #waiting = new Map<number, { readonly kind: string; readonly timer: NodeJS.Timeout }>();
  #ran = 0;
  readonly #hook = createHook({
    init: (id, kind, _triggerId, resource) => {
      if (!KINDS.has(kind) || owner.getStore() !== this) return;
      this.#waiting.set(id, { kind, timer: resource as NodeJS.Timeout });
    },
    before: (id) => {
      if (this.#waiting.has(id)) this.#ran += 1;
    },
    destroy: (id) => {
      this.#waiting.delete(id);
    },
  }).enable();

  /** Does the work whose timers are counted, and all that follows from it. */
  watch<T>(work: () => T): T {
    return owner.run(this, work);
  }

  /** The kinds of those that are left from now on: that wait after some turns of the event loop, or ran in these. */
  async left(): Promise<string[]> {
    const ran = this.#ran;
    // Node tells of the end of a timer one turn late.
    for (let turn = 0; turn < 3; turn += 1) await nextTurn();
    // Node's own, such as the one of the date header, hold up nobody.
    const waiting = [...this.#waiting.values()].filter(({ timer }) => timer.hasRef());
    return [...waiting.map(({ kind }) => kind), ...Array.from({ length: this.#ran - ran }, () => 'ran')];
  }

  [Symbol.dispose](): void {
    this.#hook.disable();
  }
}
