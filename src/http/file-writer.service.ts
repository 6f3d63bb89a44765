import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { AppConfig } from '../config/app-config.js';
import { guardLastWrite } from '../streaming/last-write.js';
import { pacedWrite } from '../streaming/paced-write.js';
import { stampProcessingTime } from './send-json.js';
import type { TollgateRequest } from './tollgate-request.js';

/** A text that is made while it is sent. */
export interface FileAnswer {
  readonly contentType: string;
  /** A `content-disposition`. */
  readonly disposition: string;
  readonly pieces: AsyncIterable<string>;
}

/** Handed to the socket at a time: a slow client that reads on shows it by each of them. Characters. */
const SLICE = 64 * 1024;

/** Sends files of any length in constant memory: no piece is asked for before the client has taken those before it. */
@Injectable()
export class FileWriterService {
  constructor(private readonly config: AppConfig) {}

  /**
   * Resolves when all is written or the client is gone. Rejects, with nothing sent, when the first piece fails; when a
   * later one does, the connection is cut, so that half a file is not taken for a whole one.
   */
  async send(request: TollgateRequest, response: Response, file: FileAnswer): Promise<void> {
    try {
      for await (const piece of file.pieces) {
        this.begin(request, response, file);
        if (request.method === 'HEAD') break;
        for (let at = 0, end = 0; at < piece.length; at = end) {
          end = endOfSlice(piece, at);
          if (!(await pacedWrite(response, piece.slice(at, end), this.config.stream.writeStallMs))) return;
        }
      }
    } catch (error) {
      if (response.headersSent) response.destroy();
      throw error;
    }
    this.begin(request, response, file);
    response.end();
    guardLastWrite(response, this.config.stream.writeStallMs);
  }

  private begin(request: TollgateRequest, response: Response, file: FileAnswer): void {
    if (response.headersSent || response.destroyed) return;
    response.setHeader('content-type', file.contentType);
    response.setHeader('content-disposition', file.disposition);
    response.setHeader('cache-control', 'no-store');
    stampProcessingTime(request, response);
    response.writeHead(200);
  }
}

/** A character of two UTF-16 units is not cut: each half by itself would be sent as U+FFFD. */
function endOfSlice(text: string, start: number): number {
  const end = start + SLICE;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}
