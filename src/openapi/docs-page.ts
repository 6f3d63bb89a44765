import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type { INestApplication } from '@nestjs/common';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { Application, NextFunction, Request, Response } from 'express';
import { DomainError } from '../common/errors/domain-error.js';
import { sendError } from '../http/send-error.js';
import { sendJsonText, stampProcessingTime } from '../http/send-json.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { withoutAliases } from './group-operations.js';

/** What the page loads of Swagger UI; the package beside these holds much that nobody needs to see. */
const UI_FILES: ReadonlySet<string> = new Set([
  '/swagger-ui.css',
  '/swagger-ui-bundle.js',
  '/swagger-ui-standalone-preset.js',
  '/favicon-16x16.png',
  '/favicon-32x32.png',
]);
const INIT_FILE = '/swagger-ui-init.js';

/** People type keys into the page: it runs no script but its own, talks to nobody else and sits in no frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
].join('; ');

const UI_OPTIONS = {
  validatorUrl: 'none',
  docExpansion: 'list',
  displayRequestDuration: true,
  // In this browser, until it is told otherwise: a reload must not ask for the key again.
  persistAuthorization: true,
};

/** Serves the document at `/openapi.json` and a page to read and try it at `/docs`, both without a key. */
export function publishDocs(app: INestApplication): void {
  let document: Promise<OpenAPIObject> | undefined;
  let text: string | undefined;
  // Loaded at the first look: no start waits for it.
  const getDocument = () => (document ??= loadDocument(app));
  const express = app.getHttpAdapter().getInstance() as Application;

  express.get('/openapi.json', (request, response, next) => {
    getDocument().then((loaded) => {
      text ??= JSON.stringify(loaded);
      sendJsonText(request as TollgateRequest, response, 200, text);
    }, next);
  });
  app.use('/docs', sendUiFile);
  express.get(`/docs${INIT_FILE}`, (_, response, next) => {
    getDocument().then((loaded) => {
      response.type('application/javascript').send(initScript(withoutAliases(loaded)));
    }, next);
  });
  express.get('/docs', (request, response) => {
    response.type('text/html').send(page(request.path.endsWith('/') ? '.' : './docs'));
  });
}

async function loadDocument(app: INestApplication): Promise<OpenAPIObject> {
  const { buildOpenApi } = await import('./openapi.js');
  return buildOpenApi(app);
}

function sendUiFile(incoming: Request, response: Response, next: NextFunction): void {
  const request = incoming as TollgateRequest;
  const isUiFile = UI_FILES.has(request.path);
  if (!isUiFile && request.path !== '/' && request.path !== INIT_FILE) {
    sendError(request, response, new DomainError('invalid_url', 'The documentation has no such page.'));
    return;
  }
  response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
  stampProcessingTime(request, response);
  if (isUiFile && (request.method === 'GET' || request.method === 'HEAD')) {
    const root = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
    response.sendFile(request.path, { root }, next);
  } else {
    next();
  }
}

/** @param base where its files are, as the browser sees it */
function page(base: string): string {
  return `<!DOCTYPE html>
<html lang="en">
<head>
  <meta charset="UTF-8">
  <title>Tollgate API</title>
  <link rel="stylesheet" href="${base}/swagger-ui.css">
  <link rel="icon" type="image/png" href="${base}/favicon-32x32.png" sizes="32x32">
  <link rel="icon" type="image/png" href="${base}/favicon-16x16.png" sizes="16x16">
  <style>body { margin: 0; background: #fafafa } .swagger-ui .topbar { display: none }</style>
</head>
<body>
  <div id="swagger-ui"></div>
  <script src="${base}/swagger-ui-bundle.js"></script>
  <script src="${base}/swagger-ui-standalone-preset.js"></script>
  <script src="${base}${INIT_FILE}"></script>
</body>
</html>
`;
}

function initScript(document: OpenAPIObject): string {
  return `window.onload = () => {
  window.ui = SwaggerUIBundle({
    ...${JSON.stringify(UI_OPTIONS)},
    dom_id: '#swagger-ui',
    deepLinking: true,
    presets: [SwaggerUIBundle.presets.apis, SwaggerUIStandalonePreset],
    plugins: [SwaggerUIBundle.plugins.DownloadUrl],
    layout: 'StandaloneLayout',
    spec: ${JSON.stringify(document)},
  });
};
`;
}
