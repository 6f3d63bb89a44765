import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Response } from 'express';
import type { AppConfig } from '../config/app-config.js';
import { FileWriterService } from './file-writer.service.js';
import type { TollgateRequest } from './tollgate-request.js';

async function* inPieces(...pieces: readonly string[]): AsyncGenerator<string> {
  yield* pieces;
}

describe('FileWriterService', () => {
  let server: Server;
  let pieces: readonly string[];

  beforeAll(async () => {
    const writer = new FileWriterService({ stream: { writeStallMs: 60_000 } } as AppConfig);
    server = createServer((request, response) => {
      const asked = Object.assign(request, { arrivedAtMs: performance.now() });
      void writer.send(asked as TollgateRequest, response as Response, {
        contentType: 'text/plain; charset=utf-8',
        disposition: 'attachment',
        pieces: inPieces(...pieces),
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  async function sent(...text: readonly string[]): Promise<string> {
    pieces = text;
    const { port } = server.address() as AddressInfo;
    return (await fetch(`http://127.0.0.1:${port}/`)).text();
  }

  it.each([
    ['at even places', ''],
    ['at odd places', 'x'],
  ])('sends characters of two UTF-16 units whole, %s', async (_where, before) => {
    const text = before + '😀'.repeat(100_000);
    expect((await sent(text)) === text).toBe(true);
  });

  it.each([64 * 1024 - 1, 64 * 1024, 64 * 1024 + 1, 128 * 1024, 128 * 1024 + 1])(
    'sends a text of %d units to its end',
    async (units) => {
      const text = 'x'.repeat(units);
      expect((await sent(text, 'end')) === `${text}end`).toBe(true);
    },
  );

  it('sends half a character as U+FFFD, and what follows it', async () => {
    const text = `${'x'.repeat(64 * 1024 - 1)}\ud83d`;
    expect((await sent(text, 'end')) === `${text.slice(0, -1)}\ufffdend`).toBe(true);
    expect((await sent(`${text} and on`)) === `${text.slice(0, -1)}\ufffd and on`).toBe(true);
  });
});
