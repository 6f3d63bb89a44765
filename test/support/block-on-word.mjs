import process from 'node:process';

/**
 * `node --import` this: the main thread is at work for 400 ms of its CPU time whenever
 * it parses JSON with the word "standstill".
 */
const parse = JSON.parse;

function workedMs() {
  const { user, system } = (process.threadCpuUsage ?? process.cpuUsage)();
  return (user + system) / 1000;
}

JSON.parse = (text, ...rest) => {
  if (text.includes('standstill')) {
    const until = workedMs() + 400;
    while (workedMs() < until);
  }
  return parse(text, ...rest);
};
