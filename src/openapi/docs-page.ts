import type { INestApplication } from '@nestjs/common';
import { SwaggerModule } from '@nestjs/swagger';
import type { NextFunction, Request, Response } from 'express';
import { DomainError } from '../common/errors/domain-error.js';
import { sendError } from '../http/send-error.js';
import { sendJsonText, stampProcessingTime } from '../http/send-json.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { withoutAliases } from './group-operations.js';
import { buildOpenApi } from './openapi.js';

/** Everything that the page loads, all of it from here; the package beside it holds much that nobody needs to see. */
const PAGE_FILES: ReadonlySet<string> = new Set([
  '/',
  '/swagger-ui.css',
  '/swagger-ui-bundle.js',
  '/swagger-ui-standalone-preset.js',
  '/swagger-ui-init.js',
  '/favicon-16x16.png',
  '/favicon-32x32.png',
]);

/** People type keys into the page: it runs no script but its own, talks to nobody else and sits in no frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "frame-ancestors 'none'",
].join('; ');

/** Serves the document at `/openapi.json` and a page to read and try it at `/docs`, both without a key. */
export function publishDocs(app: INestApplication): void {
  let document: ReturnType<typeof buildOpenApi> | undefined;
  let text: string | undefined;
  // Built at the first look: no start waits for it.
  const getDocument = () => (document ??= buildOpenApi(app));

  app.getHttpAdapter().get('/openapi.json', (request: TollgateRequest, response: Response) => {
    sendJsonText(request, response, 200, (text ??= JSON.stringify(getDocument())));
  });
  app.use('/docs', guardPage);
  SwaggerModule.setup('docs', app, () => withoutAliases(getDocument()), {
    raw: false,
    customSiteTitle: 'Tollgate API',
    customCss: '.swagger-ui .topbar { display: none }',
    swaggerOptions: {
      validatorUrl: 'none',
      docExpansion: 'list',
      displayRequestDuration: true,
      // In this browser, until it is told otherwise: a reload must not ask for the key again.
      persistAuthorization: true,
    },
  });
}

function guardPage(incoming: Request, response: Response, next: NextFunction): void {
  const request = incoming as TollgateRequest;
  if (!PAGE_FILES.has(request.path)) {
    sendError(request, response, new DomainError('invalid_url', 'The documentation has no such page.'));
    return;
  }
  response.setHeader('content-security-policy', CONTENT_SECURITY_POLICY);
  stampProcessingTime(request, response);
  next();
}
