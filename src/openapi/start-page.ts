import type { INestApplication } from '@nestjs/common';
import type { Application, Request } from 'express';
import { DomainError } from '../common/errors/domain-error.js';
import { sendError } from '../http/send-error.js';
import { sendJson, stampProcessingTime } from '../http/send-json.js';
import type { TollgateRequest } from '../http/tollgate-request.js';

/** No script and nothing from elsewhere: the page is text. */
const CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";

/** Of what a `Host` header may hold: nothing that would need to be escaped in HTML or in a shell. */
const HOST = /^[\w.-]+(?::\d{1,5})?$|^\[[\da-fA-F:.]+\](?::\d{1,5})?$/;

const BASE_PATHS = ['/v1', '/api/v1', '/api/public/v1/openai'] as const;

/** Answers `GET /` without a key: where one is, and where to go on. A page for browsers, JSON for everybody else. */
export function publishStartPage(app: INestApplication): void {
  const express = app.getHttpAdapter().getInstance() as Application;
  express.get('/', (incoming, response) => {
    const request = incoming as TollgateRequest;
    // Whole URLs are sent to proxies, and we are none.
    if (!request.targetIsPath) {
      sendError(request, response, new DomainError('invalid_url', `Invalid URL (${request.method} /)`));
      return;
    }
    const origin = originOf(request);
    response.vary('accept');
    if (request.accepts(['json', 'html']) === 'html') {
      stampProcessingTime(request, response);
      response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
      response.setHeader('cache-control', 'no-store');
      response.type('text/html').send(page(origin));
    } else {
      sendJson(request, response, 200, index(origin));
    }
  });
}

/** As the client called us; empty where its `Host` is no name of a host. */
function originOf(request: Request): string {
  const host = request.headers.host ?? '';
  return HOST.test(host) ? `${request.protocol}://${host}` : '';
}

function index(origin: string): object {
  return {
    name: 'Tollgate',
    description: 'An OpenAI-compatible API. Send your key as "Authorization: Bearer <key>".',
    base_urls: BASE_PATHS.map((path) => origin + path),
    documentation: `${origin}/docs`,
    openapi: `${origin}/openapi.json`,
    health: `${origin}/health/ready`,
  };
}

function page(origin: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="UTF-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>Tollgate</title>
  <style>
    :root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }
    body { max-width: 46rem; margin: 4rem auto; padding: 0 1rem }
    pre { padding: 1rem; overflow-x: auto; border: 1px solid; border-radius: .5rem }
    code, pre { font: .875rem/1.6 ui-monospace, monospace }
  </style>
</head>
<body>
  <h1>Tollgate is running</h1>
  <p>This server speaks the OpenAI API. Point a client at one of its base URLs and send your key with each request.</p>
  <ul>
${BASE_PATHS.map((path) => `    <li><code>${origin}${path}</code></li>`).join('\n')}
  </ul>
  <pre>export TOLLGATE_KEY=…   # your API key
curl ${origin}/v1/chat/completions \\
  -H "Authorization: Bearer $TOLLGATE_KEY" \\
  -H "Content-Type: application/json" \\
  -d '{"model":"sandbox/chat","messages":[{"role":"user","content":"Hello, who are you?"}]}'</pre>
  <p><a href="docs">Documentation</a> to read and to try ·
    <a href="openapi.json">OpenAPI document</a> ·
    <a href="health/ready">Health</a></p>
</body>
</html>
`;
}
