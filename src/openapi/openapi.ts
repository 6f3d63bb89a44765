import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { failureExamples } from '../surfaces/api-failures.decorator.js';
import { groupOperations } from './group-operations.js';
import { nameOperations } from './operation-ids.js';

const DESCRIPTION = `One OpenAI-compatible API in front of any model. To try it: **Authorize** with the key of the first start as
\`Bearer\`, open an operation, **Try it out**, **Execute**. The examples are complete requests; the models \`sandbox/…\` answer
without any network. The operations under "Admin" take the admin key (\`AdminKey\`).

The same service speaks two more dialects, listed last. They differ in error bodies, the status of failures, and what stands
beside the token counts.

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
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', description: "The operator's key, for `/admin/v1` alone." },
      'AdminKey',
    )
    .build();
  const document = SwaggerModule.createDocument(app, config);
  document.components = { ...document.components, examples: failureExamples() };
  nameOperations(document);
  groupOperations(document);
  return document;
}
