import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

export interface SignalHandlers {
  /** Asked to end: called once. */
  readonly leave: (reason: string) => void;
  /** Asked to end by someone who will not wait. */
  readonly leaveNow: () => void;
  readonly reload: () => void;
}

/** npm passes on what the terminal has sent to both: the same signal twice in a moment is one wish. */
const SAME_WISH_MS = 500;
/** A terminal may tell that it closes before it does. */
const LOOK_AGAIN_MS = [100, 1_000] as const;
const PARENT_CHECK_MS = 500;

/**
 * What signals mean. SIGTERM and SIGINT: end; a second one: end now. SIGHUP: read the configuration again, unless the
 * terminal that the process was started in is gone: it is the kernel then that says so, and the process ends with it.
 *
 * @param endsWithParent whether the process was started by npm: npm dies of signals that it does not pass on (SIGHUP,
 *   SIGKILL), and nobody would find the process that it leaves behind
 */
export function handleSignals(handlers: SignalHandlers, endsWithParent: boolean): void {
  const terminals = [0, 1, 2].filter((fd) => isatty(fd));
  let wish: { readonly reason: string; readonly atMs: number } | undefined;

  const leave = (reason: string): void => {
    const atMs = performance.now();
    if (wish === undefined) {
      wish = { reason, atMs };
      handlers.leave(reason);
    } else if (reason.startsWith('SIG') && (reason !== wish.reason || atMs - wish.atMs > SAME_WISH_MS)) {
      handlers.leaveNow();
    }
  };
  const terminalGone = (): boolean => terminals.length > 0 && !terminals.some((fd) => isatty(fd));
  const leaveWithTerminal = (): boolean => {
    const gone = terminalGone();
    if (gone && wish === undefined) leave('its terminal was closed');
    return gone;
  };

  process.on('SIGTERM', leave);
  process.on('SIGINT', leave);
  process.on('SIGHUP', () => {
    if (leaveWithTerminal() || wish !== undefined) return;
    handlers.reload();
    if (terminals.length === 0) return;
    for (const ms of LOOK_AGAIN_MS) setTimeout(leaveWithTerminal, ms).unref();
  });
  if (endsWithParent) watchParent(() => leave('npm, which started it, is gone'));
}

function watchParent(onGone: () => void): void {
  const atStart = starters();
  const timer = setInterval(() => {
    if (starters() === atStart) return;
    clearInterval(timer);
    onGone();
  }, PARENT_CHECK_MS).unref();
}

/** The ids of the parent and, as npx calls us through a shell that stays, of that shell's parent. */
function starters(): string {
  const parent = process.ppid;
  try {
    // `pid (name) state parent …`
    const [, name, grandparent] =
      /\((.*)\) \S (\d+) /.exec(readFileSync(`/proc/${parent}/stat`, 'latin1')) ?? [];
    return name === 'sh' ? `${parent} ${grandparent}` : String(parent);
  } catch {
    return String(parent);
  }
}
