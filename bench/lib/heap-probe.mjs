/**
 * Loaded into a gateway before its own code, with `--expose-gc` and a channel to the bench: collects all garbage when it
 * is asked to, and tells what is left.
 */
import process from 'node:process';

process.on('message', () => {
  // What the first collection finalizes, the second frees.
  globalThis.gc();
  globalThis.gc();
  process.send(process.memoryUsage());
});
process.channel.unref();
