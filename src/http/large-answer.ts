import type { ServerResponse } from 'node:http';
import { guardLastWrite } from '../streaming/last-write.js';
import { pacedWriteAll } from '../streaming/paced-write.js';
import { jsonHeaders, stampProcessingTime } from './send-json.js';
import type { TollgateRequest } from './tollgate-request.js';

/** What a handler returns in place of a value whose JSON has megabytes: the JSON as bytes, sent at the client's pace. */
export class LargeAnswer {
  /**
   * @param pieces one after the other
   * @param release called once, when they are needed no longer
   */
  constructor(
    private readonly pieces: readonly Buffer[],
    private readonly writeStallMs: number,
    private readonly release: () => void,
  ) {}

  /** Never rejects; does nothing when the client is gone. */
  async send(request: TollgateRequest, response: ServerResponse, status: number): Promise<void> {
    try {
      if (response.headersSent || response.destroyed) return;
      stampProcessingTime(request, response);
      response.writeHead(status, jsonHeaders(this.pieces.reduce((sum, { length }) => sum + length, 0)));
      for (const piece of this.pieces) {
        if (!(await pacedWriteAll(response, piece, this.writeStallMs))) return;
      }
      response.end();
      guardLastWrite(response, this.writeStallMs);
    } finally {
      this.release();
    }
  }
}

/** What a handler returns for `HEAD` where the answer to `GET` would be opened and rendered for nothing. */
export const NOTHING_SHOWN = Symbol('nothing shown');

/** As for `GET`, but for the length, which nobody has measured. */
export function sendHead(request: TollgateRequest, response: ServerResponse, status: number): void {
  if (response.headersSent || response.destroyed) return;
  stampProcessingTime(request, response);
  const { 'content-length': _length, ...headers } = jsonHeaders(0);
  response.writeHead(status, headers);
  response.end();
}
