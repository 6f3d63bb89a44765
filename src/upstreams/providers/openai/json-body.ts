import { ByteBuffer } from '../../../streaming/byte-buffer.js';
import type { BodyReader, HttpExchange } from '../../http/http-exchange.js';
import { type ErrorContext, errorFromBody } from './errors.js';
import { isErrorObject, isObject, parseJson } from './json-value.js';

/** A body that is one JSON value; an error object in it is thrown, whatever the status was. */
export class JsonBody implements BodyReader {
  private readonly bytes = new ByteBuffer();

  constructor(
    private readonly exchange: HttpExchange,
    private readonly onValue: (value: unknown) => void,
    private readonly errorContext: () => ErrorContext,
  ) {}

  read(bytes: Buffer): void {
    this.exchange.keep(bytes.length);
    this.bytes.append(bytes);
  }

  end(): void {
    const value = parseJson(this.bytes.view().toString());
    this.bytes.clear();
    // Gemini wraps its errors in a list.
    const body: unknown = Array.isArray(value) ? value[0] : value;
    if (isObject(body) && isErrorObject(body)) throw errorFromBody(body, this.errorContext(), false);
    this.onValue(value);
  }
}
