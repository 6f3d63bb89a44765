import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ContractHarness } from './harness.js';
import { SURFACES } from '../support/wire-surfaces.js';

const CLI = join(dirname(createRequire(import.meta.url).resolve('compatcanary')), 'cli.js');

interface Report {
  readonly score: number;
  readonly compatible: boolean;
  readonly results: readonly { readonly id: string; readonly status: string; readonly summary: string }[];
}

describe.each(SURFACES)('client compatcanary on $base ($name)', (surface) => {
  let harness: ContractHarness;
  let report: Report;

  beforeAll(async () => {
    harness = await ContractHarness.start();
    report = await scan(harness.tollgate.origin + surface.base, harness.tollgate.key);
  });
  afterAll(() => harness.close());

  it.each([
    ['models.list', 'finds the model in the list'],
    ['chat.basic', 'gets an answer'],
    ['chat.streaming', 'gets canonical chunks and [DONE], and nothing else'],
    ['chat.tool_call', 'forces a tool call'],
    ['chat.structured_output', 'gets output of a strict JSON schema'],
  ])('case 95: the probe %s %s', (id) => {
    const probe = report.results.find((result) => result.id === id);
    expect(probe).toMatchObject({ status: 'pass' });
  });

  it('case 95: scores 100 of 100, with no probe left out', () => {
    expect(report).toMatchObject({ score: 100, compatible: true });
    expect(report.results).toHaveLength(5);
  });
});

/** Runs the scanner as a user would; its exit code does not matter, its report says it all. */
function scan(baseUrl: string, key: string): Promise<Report> {
  const options = ['--base-url', baseUrl, '--model', 'sandbox/chat', '--profile', 'chat', '--format', 'json'];
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [CLI, 'scan', ...options],
      { env: { ...process.env, OPENAI_API_KEY: key, NODE_OPTIONS: '' }, timeout: 15_000 },
      (error, stdout, stderr) => {
        if (stdout === '') reject(error ?? new Error(stderr));
        else resolve(JSON.parse(stdout) as Report);
      },
    );
  });
}
