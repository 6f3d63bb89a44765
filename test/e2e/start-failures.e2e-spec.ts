import { afterEach, describe, expect, it } from '@jest/globals';
import { TollgateProcess, type TollgateProcessOptions } from '../support/tollgate-process.js';

const started: TollgateProcess[] = [];
afterEach(async () => {
  await Promise.all(started.splice(0).map((gateway) => gateway.discard()));
});

async function start(options: TollgateProcessOptions = {}): Promise<TollgateProcess> {
  const gateway = await TollgateProcess.start(options);
  started.push(gateway);
  return gateway;
}

describe('a start that fails is told in one line, and ends with 1', () => {
  it('beside another process in one data folder', async () => {
    const first = await start();
    await first.origin();
    const second = await start({ folder: first.folder });
    expect(await second.exitCode()).toBe(1);
    expect(second.output).toMatch(
      /^The data folder \S+ is in use by another Tollgate process \(.+\)\. .+\n$/,
    );
  });

  it('on a port that something else listens on', async () => {
    const first = await start();
    const { port } = new URL(await first.origin());
    const second = await start({ env: { PORT: port } });
    expect(await second.exitCode()).toBe(1);
    expect(second.output).toMatch(
      /^Something else listens on \S+\. Stop it, or set PORT to a free port\.\n$/,
    );
  });
});
