import 'reflect-metadata';
import { runCli } from './run-cli.js';

const { exitCode, stdout, stderr } = await runCli(process.argv.slice(2));
process.stdout.write(stdout);
process.stderr.write(stderr);
// Not `process.exit`: a pipe takes what was written in its own time.
process.exitCode = exitCode;
