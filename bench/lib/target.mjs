import { API_KEY } from './gateway.mjs';

/** As the official client of OpenAI sends them: most requests of a gateway look like this one. */
const CLIENT_HEADERS = [
  'accept: application/json',
  'content-type: application/json',
  'user-agent: OpenAI/JS 7.57.0',
  'x-stainless-arch: x64',
  'x-stainless-lang: js',
  'x-stainless-os: Linux',
  'x-stainless-package-version: 7.57.0',
  'x-stainless-retry-count: 0',
  'x-stainless-runtime: node',
  'x-stainless-runtime-version: v24.21.0',
  'x-stainless-timeout: 600',
];

/** What is measured, gateway or floor: asked by the same clients in the same words. */
export class Target {
  /** @param server something with a `pid` and a `port` */
  constructor(name, server, modelPrefix) {
    this.name = name;
    this.pid = server.pid;
    this.port = server.port;
    this.modelPrefix = modelPrefix;
  }

  static gateway(gateway) {
    return new Target('gateway', gateway, 'bench/');
  }

  static floor(floor) {
    return new Target('floor', floor, '');
  }

  /**
   * Port and whole HTTP request, as the load generator wants them. The gateway is asked on its surface with credits,
   * which has the most to do.
   * @param body of the model's name
   */
  asking(body, model, ...rest) {
    return this.posting('/api/v1/chat/completions', body(this.modelPrefix + model, ...rest));
  }

  /** As `asking`, for a ready body and any path. */
  posting(path, text) {
    const head = [
      `POST ${path} HTTP/1.1`,
      'host: 127.0.0.1',
      `authorization: Bearer ${API_KEY}`,
      ...CLIENT_HEADERS,
      `content-length: ${Buffer.byteLength(text)}`,
    ];
    return { port: this.port, request: `${head.join('\r\n')}\r\n\r\n${text}` };
  }
}
