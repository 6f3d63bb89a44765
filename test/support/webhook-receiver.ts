import { createHmac, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventually } from './eventually.js';

export const WEBHOOK_SECRET = 'webhook-secret-of-the-tests';

export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly created: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** One attempt as it arrived. */
export interface Arrival {
  readonly event: ReceivedEvent;
  readonly path: string;
  /** The header `webhook-id`. */
  readonly eventId: string;
  readonly timestampSeconds: number;
  /** By the way that docs/webhooks.md tells, over the bytes as they came. */
  readonly signed: boolean;
  readonly text: string;
}

export type Answer = (response: ServerResponse, arrival: Arrival) => void;

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(code, headers).end('never shown');

export const answers = {
  ok: status(204),
  status,
  /** Never answers: the sender's own deadline ends it. */
  silence: () => undefined,
} satisfies Record<string, unknown>;

/** An operator's receiver: a real HTTP server that remembers what came and answers as it is told. */
export class WebhookReceiver {
  readonly arrivals: Arrival[] = [];
  /** What the next attempts get; the last holds on. */
  answers: Answer[] = [answers.ok];

  private constructor(
    private readonly server: Server,
    readonly port: number,
  ) {}

  /** @param port 0: any free one */
  static async start(port = 0): Promise<WebhookReceiver> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    const receiver = new WebhookReceiver(server, (server.address() as AddressInfo).port);
    server.on('request', (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const {
          'webhook-id': id,
          'webhook-timestamp': timestamp,
          'webhook-signature': signature,
        } = request.headers;
        const arrival: Arrival = {
          event: JSON.parse(text) as ReceivedEvent,
          path: request.url ?? '',
          eventId: String(id),
          timestampSeconds: Number(timestamp),
          signed: verify(String(signature), `${String(id)}.${String(timestamp)}.${text}`),
          text,
        };
        receiver.arrivals.push(arrival);
        const answer = receiver.answers.length > 1 ? receiver.answers.shift() : receiver.answers[0];
        answer?.(response, arrival);
      });
    });
    return receiver;
  }

  get env(): Record<string, string> {
    return { WEBHOOK_URL: `http://127.0.0.1:${this.port}/hook?token=t`, WEBHOOK_SECRET };
  }

  of(type: string): Arrival[] {
    return this.arrivals.filter(({ event }) => event.type === type);
  }

  /** The first event of the type, and of the request where one is named. */
  next(type: string, requestId?: string | null): Promise<Arrival> {
    return eventually(
      () =>
        this.of(type).find(({ event }) => requestId === undefined || event.data['request_id'] === requestId),
      `an event ${type}`,
    );
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }
}

/** A port on which nobody listens. */
export async function closedPort(): Promise<number> {
  const receiver = await WebhookReceiver.start();
  await receiver.close();
  return receiver.port;
}

function verify(signature: string, signed: string): boolean {
  const expected = createHmac('sha256', WEBHOOK_SECRET).update(signed).digest();
  const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64');
  return given.length === expected.length && timingSafeEqual(given, expected);
}
