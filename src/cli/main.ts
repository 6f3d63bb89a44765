import { oldNodeMessage } from '../common/old-node.js';

const tooOld = oldNodeMessage();
if (tooOld === undefined) {
  await import('reflect-metadata');
  const { runCli } = await import('./run-cli.js');
  const { calledAs } = await import('../config/called-as.js');
  const { exitCode, stdout, stderr } = await runCli(process.argv.slice(2), undefined, calledAs());
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  // Not `process.exit`: a pipe takes what was written in its own time.
  process.exitCode = exitCode;
} else {
  process.stderr.write(`${tooOld}\n`);
  process.exitCode = 1;
}
