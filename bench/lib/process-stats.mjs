import { readFileSync } from 'node:fs';

/** Linux counts process times in hundredths of a second on every architecture that Node runs on. */
const MICROS_PER_TICK = 10_000;

/**
 * CPU time that a process and all its threads have used so far, user and system, in microseconds. Resolution 10 ms, so
 * what is measured should take a second or more.
 * @see proc_pid_stat(5), fields 14 and 15
 */
export function cpuMicros(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  // The second field is the program's name in parentheses and may hold spaces: count from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * MICROS_PER_TICK;
}

/** Memory of a process that is in RAM now, in bytes. */
export function residentBytes(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}
