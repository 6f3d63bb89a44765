import { oldNodeMessage } from './common/old-node.js';

const tooOld = oldNodeMessage();
if (tooOld === undefined) {
  await import('./serve.js');
} else {
  process.stderr.write(`${tooOld}\n`);
  process.exitCode = 1;
}
