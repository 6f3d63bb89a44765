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

describe('a start', () => {
  it('beside another process in one data folder fails in one line, and ends with 1', async () => {
    const first = await start();
    await first.origin();
    const second = await start({ folder: first.folder });
    expect(await second.exitCode()).toBe(1);
    expect(second.output).toMatch(
      /^The data folder \S+ is in use by another Tollgate process \(.+\)\. .+\n$/,
    );
  });

  it('that succeeds has in its log what there was to warn of', async () => {
    const first = await start({
      yaml: `
upstreams:
  main: { protocol: openai, base_url: "http://127.0.0.1:9/v1" }
models:
  - { id: nobody/nothing, routes: [ { upstream: main, model: m } ] }
`,
    });
    await first.origin();
    expect(await first.stop()).toContain('No price known');
  });

  it('on a port that something else listens on fails in one line, and ends with 1', async () => {
    const first = await start();
    const { port } = new URL(await first.origin());
    const second = await start({ env: { PORT: port } });
    expect(await second.exitCode()).toBe(1);
    expect(second.output).toMatch(
      /^Something else listens on \S+\. Stop it, or set PORT to a free port\.\n$/,
    );
  });
});
