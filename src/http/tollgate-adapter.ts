import { createServer, type RequestListener, type Server } from 'node:http';
import { ExpressAdapter } from '@nestjs/platform-express';
import type { Application, Request, Response } from 'express';
import { LargeAnswer, NOTHING_SHOWN, sendHead } from './large-answer.js';
import { messagesOf } from './express-messages.js';
import { Farewell } from './farewell.js';
import { allowHalfClose } from './half-close.js';
import { hangUp } from './hang-up.js';
import { originForm } from './origin-form.js';
import { sendJson, sendJsonText } from './send-json.js';
import type { TollgateRequest } from './tollgate-request.js';
import { inTurn } from './turns.js';

export interface ServerLimits {
  readonly maxConnections: number;
}

/** For the whole request to arrive; long answers are not its business. */
const REQUEST_TIMEOUT_MS = 120_000;
const HEADERS_TIMEOUT_MS = 15_000;
const CHECK_INTERVAL_MS = 5_000;
/** Longer than the idle time-outs of common load balancers, which else send requests into closing sockets. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;

/** Nest on Express, with our limits on the server and one way out for every JSON answer. */
export class TollgateAdapter extends ExpressAdapter {
  private farewell: Farewell | undefined;

  constructor(private readonly limits: ServerLimits) {
    super();
  }

  override initHttpServer(): void {
    const express = this.getInstance<Application & RequestListener>();
    const handle = inTurn((request, response) => {
      const target = request.url ?? '/';
      (request as TollgateRequest).targetIsPath = target.startsWith('/');
      request.url = originForm(target);
      express(request, response);
    });
    const server: Server = createServer(
      {
        requestTimeout: REQUEST_TIMEOUT_MS,
        headersTimeout: HEADERS_TIMEOUT_MS,
        connectionsCheckingInterval: CHECK_INTERVAL_MS,
        keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
        // The front door asks for it, and refuses in our words; Node would answer with an empty 400.
        requireHostHeader: false,
        ...messagesOf(express, (response) => this.farewell?.beforeHead(response)),
      },
      handle,
    );
    this.farewell = new Farewell(server);
    allowHalfClose(server);
    server.maxConnections = this.limits.maxConnections;
    server.on('clientError', hangUp);
    // An unknown `Expect` may be ignored (RFC 9110 §10.1.1); Node would answer with an empty 417.
    server.on('checkExpectation', handle);
    this.httpServer = server;
  }

  /** Values that handlers return; a string is JSON text already. */
  override reply(response: Response, body: unknown, statusCode?: number): void {
    const request = response.req as Request as TollgateRequest;
    const status = statusCode ?? response.statusCode;
    if (body instanceof LargeAnswer) return void body.send(request, response, status);
    if (body === NOTHING_SHOWN) return sendHead(request, response, status);
    if (typeof body === 'string') sendJsonText(request, response, status, body);
    else sendJson(request, response, status, body);
  }

  /** From now on every answer closes its connection, for shutdown is near. */
  sayGoodbye(): void {
    this.farewell?.begin();
  }

  /** Stops listening, lets written answers reach their clients, then closes what is left. */
  override async close(): Promise<void> {
    if ((this.httpServer as Server).listening) await this.farewell?.end();
  }
}
