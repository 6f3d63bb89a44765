/** The load generator: a process of its own, told what to do by the run. */
import { serveTasks } from './lib/worker.mjs';
import { closedLoop, openLoop, streams } from './load/loops.mjs';
import { SlowReaders } from './load/slow-readers.mjs';

const slow = new SlowReaders();

serveTasks({
  closedLoop,
  openLoop,
  streams,
  openSlowReaders: (args) => slow.open(args),
  slowReaders: () => slow.state(),
  closeSlowReaders: () => slow.close(),
});
