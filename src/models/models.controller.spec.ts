import type { AddressInfo } from 'node:net';
import { request } from 'node:http';
import {
  type ArgumentsHost,
  Catch,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  HttpException,
  Injectable,
} from '@nestjs/common';
import { APP_FILTER, APP_GUARD, NestFactory } from '@nestjs/core';
import type { INestApplication } from '@nestjs/common';
import type { Response } from 'express';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aModel, anAppConfig, anUpstream, aRoute } from '../../test/support/catalogue-builders.js';
import { ClockModule } from '../common/clock/clock.module.js';
import { DomainError } from '../common/errors/domain-error.js';
import { ConfigModule } from '../config/config.module.js';
import { SURFACE_METADATA } from '../surfaces/serves.decorator.js';
import { ModelsModule } from './models.module.js';

/** Stands in for authentication: `x-models` is the key's list of models. */
@Injectable()
class FakeGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const http = context
      .switchToHttp()
      .getRequest<{ headers: Record<string, string>; principal?: unknown; surface?: unknown }>();
    const models = http.headers['x-models'];
    http.principal = { allowedModels: models === undefined ? null : models.split(',') };
    http.surface = Reflect.getMetadata(SURFACE_METADATA, context.getClass());
    return true;
  }
}

@Catch()
class FakeFilter implements ExceptionFilter {
  catch(error: unknown, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    const status = error instanceof HttpException ? error.getStatus() : 500;
    if (error instanceof DomainError) {
      response.status(418).json({ code: error.code, message: error.message, param: error.param });
    } else response.status(status).json({ status });
  }
}

const config = anAppConfig({
  upstreams: [anUpstream()],
  models: [
    aModel({
      id: 'google/gemini-2.5-flash',
      name: 'Gemini 2.5 Flash',
      description: 'Quick.',
      ownedBy: 'google',
      created: 1_750_000_000,
      contextLength: 1_048_576,
      maxCompletionTokens: 65_536,
      routes: [aRoute('main', 'chat')],
    }),
    aModel({
      id: 'plain',
      pricing: { prompt: '0', completion: '0', cachedPrompt: '0' },
      routes: [aRoute('main', 'echo')],
    }),
  ],
});

const GEMINI = {
  id: 'google/gemini-2.5-flash',
  object: 'model',
  created: 1_750_000_000,
  owned_by: 'google',
  name: 'Gemini 2.5 Flash',
  description: 'Quick.',
  context_length: 1_048_576,
  max_completion_tokens: 65_536,
  pricing: { prompt: '0.0000003', completion: '0.0000025' },
};

let app: INestApplication;
let port: number;
beforeAll(async () => {
  app = await NestFactory.create(
    {
      module: class TestModule {},
      imports: [ConfigModule.forRoot(config), ClockModule, ModelsModule],
      providers: [
        { provide: APP_GUARD, useClass: FakeGuard },
        { provide: APP_FILTER, useClass: FakeFilter },
      ],
    },
    { logger: false },
  );
  await app.listen(0, '127.0.0.1');
  port = (app.getHttpServer().address() as AddressInfo).port;
});
afterAll(() => app.close());

/** Over a bare socket client: `fetch` would tidy the path before sending it. */
function call(method: string, path: string, headers: Record<string, string> = {}) {
  return new Promise<{ status: number; type: string | undefined; text: string }>((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, method, path, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (text += part));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'], text }),
      );
    });
    outgoing.on('error', reject).end();
  });
}
async function getJson(path: string, headers: Record<string, string> = {}) {
  const { status, text } = await call('GET', path, headers);
  return { status, body: JSON.parse(text) as Record<string, unknown> };
}

const ROUTES = [
  '/v1/models',
  '/models',
  '/v1/chat/models',
  '/api/v1/models',
  '/api/v1/chat/models',
  '/api/public/v1/openai/models',
];

describe('GET …/models', () => {
  it('case 68: answers the same bytes on every path of W and Q, as JSON', async () => {
    const answers = await Promise.all(ROUTES.slice(0, 5).map((path) => call('GET', path)));
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ status: 200, type: 'application/json; charset=utf-8' });
    expect(JSON.parse(answers[0]?.text ?? '')).toMatchObject({
      object: 'list',
      data: [GEMINI, { id: 'plain' }],
    });
  });

  it('case 86: every model on L has all nine keys; an owner that nobody wrote is lightningrodlabs', async () => {
    const { body } = await getJson('/api/public/v1/openai/models');
    const data = body['data'] as Record<string, unknown>[];
    for (const model of data) expect(Object.keys(model).sort()).toEqual(Object.keys(GEMINI).sort());
    expect(data.map((model) => model['owned_by'])).toEqual(['google', 'lightningrodlabs']);
    expect(data[1]?.['pricing']).toEqual({ prompt: '0', completion: '0', input_cache_read: '0' });
  });

  it('shows a key only the models that it may use', async () => {
    const { body } = await getJson('/v1/models', { 'x-models': 'plain,unknown' });
    expect((body['data'] as { id: string }[]).map(({ id }) => id)).toEqual(['plain']);
    const none = await getJson('/v1/models', { 'x-models': '' });
    expect(none.body).toEqual({ object: 'list', data: [] });
  });

  it.each(ROUTES)('%s ignores a query, takes one trailing slash, and answers HEAD', async (path) => {
    expect((await call('GET', `${path}?api-version=2024-10-21`)).status).toBe(200);
    expect((await call('GET', `${path}/`)).status).toBe(200);
    expect(await call('HEAD', path)).toMatchObject({ status: 200, text: '' });
  });
});

describe('GET …/models/{model}', () => {
  it.each(ROUTES)('case 69, case 87, S41: %s finds an id with a slash, raw or encoded', async (path) => {
    for (const id of ['google/gemini-2.5-flash', 'google%2Fgemini-2.5-flash', 'google%2fgemini-2.5-flash/']) {
      expect(await getJson(`${path}/${id}`)).toEqual({ status: 200, body: GEMINI });
    }
  });

  it('finds by an upstream’s own id that one model serves, and names the model', async () => {
    expect((await getJson('/v1/models/echo')).body).toMatchObject({ id: 'plain' });
  });

  it.each(ROUTES)('case 69: %s says that an unknown model does not exist', async (path) => {
    expect((await getJson(`${path}/nope`)).body).toEqual({
      code: 'model_not_found',
      message: "The model 'nope' does not exist",
      param: 'model',
    });
  });

  it('hides a model that the key may not use', async () => {
    expect((await getJson('/v1/models/plain', { 'x-models': 'google/gemini-2.5-flash' })).body).toMatchObject(
      {
        code: 'model_not_found',
      },
    );
  });

  it.each([
    '../admin',
    '%2e%2e%2fadmin',
    '..%2f..%2fetc%2fpasswd',
    'a%00b',
    '__proto__',
    'constructor',
    'google%252Fgemini-2.5-flash',
    'google//gemini-2.5-flash',
    'google/gemini-2.5-flash//',
    '%E2%80%A8',
    '%1b[31m',
    'x'.repeat(5_000),
  ])('S42: %s is an unknown id, decoded once and nothing else', async (path) => {
    const { body } = await getJson(`/v1/models/${path}`);
    expect(body).toMatchObject({ code: 'model_not_found', param: 'model' });
    expect(body['message']).not.toMatch(/[\p{Cc}\u2028]/u);
    expect(String(body['message']).length).toBeLessThan(200);
  });

  it.each(['%zz', '%c0%af', '%'])('S42: %s is no URL', async (path) => {
    expect((await call('GET', `/v1/models/${path}`)).status).toBe(400);
  });
});

describe('DELETE …/models/{model}', () => {
  it.each(ROUTES)('%s is refused, whatever the model', async (path) => {
    for (const id of ['google/gemini-2.5-flash', 'nope']) {
      const { text } = await call('DELETE', `${path}/${id}`);
      expect(JSON.parse(text)).toEqual({
        code: 'permission_denied',
        message: 'You have insufficient permissions for this operation.',
      });
    }
  });
});
