import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { failureExamples } from '../surfaces/api-failures.decorator.js';
import { SURFACE_TAGS } from '../surfaces/serves.decorator.js';
import { nameOperations } from './operation-ids.js';

const DESCRIPTION = `One OpenAI-compatible API in front of any model, in three dialects over one service. They differ in
error bodies, the status of failures, and what stands beside the token counts; each tag below is one of them.

Every answer carries \`x-request-id\`. Failures before the first byte are real HTTP statuses; later ones are the last
event of the stream, and no \`[DONE]\` follows.`;

/** The published document: generated from controllers and DTOs, never written by hand. */
export function buildOpenApi(app: INestApplication): OpenAPIObject {
  const config = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Tollgate')
    .setDescription(DESCRIPTION)
    .setVersion('1')
    .addServer('/', 'Where this document came from')
    .addTag(
      SURFACE_TAGS.waterflai,
      'Base URL `/v1`. Errors repeat their message as `detail`; any upstream failure is a 499. Chat answers carry a `conversation_id`.',
    )
    .addTag(
      SURFACE_TAGS.qolaba,
      'Base URL `/api/v1`. Usage carries credits and cost; streams repeat it in a chunk after `[DONE]`.',
    )
    .addTag(
      SURFACE_TAGS.lightningrod,
      'Base URL `/api/public/v1/openai`. Broken rules are a 422 that lists every field at fault.',
    )
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'An API key.' }, 'Bearer')
    .addApiKey(
      {
        type: 'apiKey',
        in: 'header',
        name: 'X-API-Key',
        description:
          'The same key, without `Bearer`. It wins over `Authorization` on Waterflai and yields elsewhere.',
      },
      'X-API-Key',
    )
    .build();
  const document = SwaggerModule.createDocument(app, config);
  document.components = { ...document.components, examples: failureExamples() };
  nameOperations(document);
  return document;
}
