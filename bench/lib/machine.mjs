import { execFileSync } from 'node:child_process';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import process from 'node:process';

/** Where and on what a run was made: figures mean little without it. */
export function describeMachine() {
  return {
    date: new Date().toISOString(),
    commit: git('describe', '--always', '--dirty'),
    cpu: cpus()[0]?.model.trim(),
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    node: process.version,
    undici: process.versions.undici,
    sqlite: process.versions.sqlite,
    /** Of the minute before: others' work on the same cores. */
    loadAverage: loadavg()[0],
  };
}

function git(...args) {
  try {
    return execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
