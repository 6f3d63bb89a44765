import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import express from 'express';
import { messagesOf } from './express-messages.js';

it('makes messages that have the prototypes of Express before Express sees them, and keep them', async () => {
  const application = express();
  application.get('/where', (request, response) => void response.status(202).send(request.path));
  const kinds: unknown[][] = [];
  const note = (...messages: [IncomingMessage, ServerResponse]) =>
    void kinds.push(messages.map((message) => Object.getPrototypeOf(message)));
  const server = createServer(messagesOf(application), (request, response) => {
    note(request, response);
    application(request as never, response as never);
    note(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/where`);
    expect([answer.status, await answer.text()]).toEqual([202, '/where']);
    const [before, after] = kinds;
    expect(after?.map((kind, index) => kind === before?.[index])).toEqual([true, true]);
  } finally {
    server.close();
  }
});
