import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DiskReserve } from './disk-reserve.js';

const RESERVE_BYTES = 8 * 1024 * 1024;

describe('DiskReserve', () => {
  let folder: string;
  let reserve: DiskReserve;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tollgate-reserve-'));
    reserve = new DiskReserve(folder, join(folder, 'reserve'));
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  it('has written all of the file when it is closed', async () => {
    void reserve.take();
    await reserve.close();
    expect(statSync(join(folder, 'reserve')).size).toBe(RESERVE_BYTES);
  });

  it('writes nothing after it is closed, when the folder may be another process’s', async () => {
    await reserve.close();
    await reserve.take();
    expect(readdirSync(folder)).toEqual([]);
  });
});
