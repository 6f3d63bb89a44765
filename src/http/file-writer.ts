import { Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { AppConfig } from '../config/app-config.js';
import { guardLastWrite } from '../streaming/last-write.js';
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
export class FileWriter {
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
          if (!(await this.write(response, piece.slice(at, end)))) return;
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

  /** @returns false when the client is gone, or took no byte for too long */
  private write(response: Response, text: string): Promise<boolean> | boolean {
    if (response.destroyed) return false;
    if (response.write(text)) return true;
    return new Promise((resolve) => {
      const stall = setTimeout(() => response.destroy(), this.config.stream.writeStallMs);
      const settle = (goesOn: boolean): void => {
        clearTimeout(stall);
        response.off('drain', onDrain);
        response.off('close', onClose);
        resolve(goesOn);
      };
      const onDrain = (): void => settle(true);
      const onClose = (): void => settle(false);
      response.once('drain', onDrain);
      response.once('close', onClose);
    });
  }
}

/** A character of two UTF-16 units is not cut: each half by itself would be sent as U+FFFD. */
function endOfSlice(text: string, start: number): number {
  const end = start + SLICE;
  const last = text.charCodeAt(end - 1);
  return last >= 0xd800 && last <= 0xdbff ? end - 1 : end;
}
