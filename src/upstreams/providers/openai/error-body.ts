import { ByteBuffer } from '../../../streaming/byte-buffer.js';
import type { BodyReader, ResponseHead } from '../../http/http-exchange.js';
import { MAX_ERROR_BODY_BYTES } from '../../http/limits.js';
import { type ErrorContext, errorFromResponse } from './errors.js';

/** The body of an answer that is no success. Throws, when it has enough of it, what the upstream says is wrong. */
export class ErrorBody implements BodyReader {
  private readonly bytes = new ByteBuffer();

  /** @throws UpstreamError at once for a redirect, whose body says nothing */
  constructor(
    private readonly head: ResponseHead,
    private readonly errorContext: () => ErrorContext,
  ) {
    if (head.status < 400) this.end();
  }

  read(bytes: Buffer): void {
    this.bytes.append(bytes.subarray(0, MAX_ERROR_BODY_BYTES - this.bytes.length));
    if (this.bytes.length === MAX_ERROR_BODY_BYTES) this.end();
  }

  end(): never {
    throw errorFromResponse({ ...this.head, body: this.bytes.view().toString() }, this.errorContext());
  }
}
