import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { anAppConfig, anUpstream } from '../../test/support/catalogue-builders.js';
import { FakeUpstream } from '../../test/support/fake-upstream.js';
import { controlled } from '../../test/support/fake-upstream-replies.js';
import { chatAnswer } from '../../test/support/fake-upstream-wire.js';
import { SystemClock } from '../common/clock/clock.js';
import type { UpstreamConfig } from '../config/app-config.js';
import { LogService } from '../observability/log.service.js';
import { UpstreamRegistryService } from './upstream-registry.service.js';
import type { LeasedUpstream } from './registered-upstream.js';
import { UpstreamError } from './upstream.errors.js';
import type { ChatAnswer } from './upstream.port.js';

let vendor: FakeUpstream;
let registry: UpstreamRegistryService;

beforeEach(async () => {
  vendor = await FakeUpstream.start();
  registry = registryOf(theMain());
});
afterEach(async () => {
  await registry.onApplicationShutdown();
  await vendor.close();
});

function theMain(over: Partial<UpstreamConfig> = {}): UpstreamConfig {
  return anUpstream({ baseUrl: vendor.baseUrl, ...over });
}

function registryOf(...upstreams: UpstreamConfig[]): UpstreamRegistryService {
  const config = anAppConfig({ upstreams, models: [] });
  return new UpstreamRegistryService(config, new SystemClock(), new LogService(config));
}

function ask({ adapter, timeouts }: LeasedUpstream): Promise<ChatAnswer> {
  const request = { model: 'm', messages: [{ role: 'user' as const, content: 'hi' }] };
  return adapter.completeChat({ requestId: 'req_1', request, timeouts }, new AbortController().signal);
}

/** One attempt of one call. */
async function askOnce(name = 'main'): Promise<ChatAnswer> {
  const lease = registry.lease(name);
  try {
    return await ask(lease);
  } finally {
    lease.release();
  }
}

async function openConnections(count: number): Promise<void> {
  while (vendor.openConnections !== count) await new Promise(setImmediate);
}

describe('UpstreamRegistryService', () => {
  it('has no upstream that is not configured', () => {
    for (const name of ['other', '__proto__', '']) {
      expect(() => registry.lease(name)).toThrow(UpstreamError);
      expect(() => registry.lease(name)).toThrow(expect.objectContaining({ code: 'upstream_unavailable' }));
    }
  });

  it('keeps the connections of an upstream that a reload leaves as it was', async () => {
    await askOnce();
    const [before] = registry.list();
    registry.replace([anUpstream({ name: 'spare' }), theMain()]);
    expect(registry.list()[1]).toBe(before);
    await new Promise(setImmediate);
    await askOnce();
    expect(vendor.connections).toBe(1);
    expect(vendor.requests.map(({ reused }) => reused)).toEqual([false, true]);
  });

  it.each<[string, (main: UpstreamConfig) => UpstreamConfig]>([
    ['another key', (main) => ({ ...main, apiKey: 'another-key' })],
    ['another deadline', (main) => ({ ...main, timeouts: { ...main.timeouts, connectMs: 1 } })],
    ['another address', (main) => ({ ...main, baseUrl: `${main.baseUrl}/other` })],
  ])('speaks anew to an upstream with %s, and closes what it had', async (_, change) => {
    await askOnce();
    const before = registry.lease('main').adapter;
    const changed = registryOf(theMain());
    changed.replace([change(theMain())]);
    expect(changed.lease('main').adapter).not.toBe(before);
    await changed.onApplicationShutdown();
  });

  it('lets an attempt end where it began, however many calls it makes, and then closes the sockets', async () => {
    const live = controlled({ 'content-type': 'application/json' });
    vendor.enqueue(live.reply);
    const lease = registry.lease('main');
    const first = ask(lease);
    await live.opened;

    registry.replace([]);
    expect(() => registry.lease('main')).toThrow(UpstreamError);
    await live.write(JSON.stringify(chatAnswer({ content: 'whole' })));
    await live.end('clean', false);
    expect((await first).choices[0]?.message.content).toBe('whole');

    await expect(ask(lease)).resolves.toBeDefined();
    lease.release();
    lease.release();
    await openConnections(0);
    await expect(ask(lease)).rejects.toMatchObject({ code: 'upstream_unavailable', safeToRetry: true });
  });

  it('waits for every attempt before it closes', async () => {
    const [first, second] = [registry.lease('main'), registry.lease('main')];
    registry.replace([]);
    first.release();
    first.release();
    await expect(ask(second)).resolves.toBeDefined();
    second.release();
    await openConnections(0);
  });

  it('P1: does not hold shutdown up for what is still under way, now or since a reload', async () => {
    vendor.otherwise(() => undefined);
    const leases = [registry.lease('main')];
    const stuck = [ask(leases[0]!)];
    registry.replace([theMain({ apiKey: 'another-key' })]);
    leases.push(registry.lease('main'));
    stuck.push(ask(leases[1]!));
    const failures = Promise.allSettled(stuck);
    await Promise.all([vendor.nextRequest(), vendor.nextRequest()]);
    await registry.onApplicationShutdown();
    for (const { status } of await failures) expect(status).toBe('rejected');
    await openConnections(0);
    for (const lease of leases) lease.release();
  });
});
