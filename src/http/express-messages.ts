import { IncomingMessage, ServerResponse } from 'node:http';
import type { Application } from 'express';

/**
 * The classes of which a server that serves `express` should make its messages.
 *
 * Express gives each message a prototype of its own on arrival. To V8 an object whose prototype changes is of a new
 * kind, so all code that touches a message afterwards (Node's, Express's, ours) looks its properties up the slow way.
 * Born with that prototype, a message keeps it.
 *
 * @param beforeHead called with each response whose head is about to be written
 */
export function messagesOf(
  express: Application,
  beforeHead: (response: ServerResponse) => void = () => undefined,
): {
  readonly IncomingMessage: typeof IncomingMessage;
  readonly ServerResponse: typeof ServerResponse;
} {
  const prototypes = express as unknown as { request: object; response: object };
  class ExpressRequest extends IncomingMessage {}
  class ExpressResponse extends ServerResponse {
    override writeHead(status: number, ...rest: unknown[]): this {
      beforeHead(this);
      return super.writeHead(status, ...(rest as []));
    }
  }
  Object.setPrototypeOf(ExpressRequest.prototype, prototypes.request);
  Object.setPrototypeOf(ExpressResponse.prototype, prototypes.response);
  prototypes.request = ExpressRequest.prototype;
  prototypes.response = ExpressResponse.prototype;
  return { IncomingMessage: ExpressRequest, ServerResponse: ExpressResponse as typeof ServerResponse };
}
