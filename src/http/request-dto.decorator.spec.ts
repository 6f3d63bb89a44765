import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, HttpCode, Post, type INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import express from 'express';
import type { Server } from 'node:http';
import request from 'supertest';
import { ChatCompletionDto } from '../contracts/openai/chat-completion.dto.js';
import { CompletionDto } from '../contracts/openai/completion.dto.js';
import { WATERFLAI } from '../surfaces/surface.js';
import { RequestDto } from './request-dto.decorator.js';

@Controller()
class EchoController {
  @Post('chat')
  @HttpCode(200)
  chat(@RequestDto(ChatCompletionDto) dto: ChatCompletionDto): unknown {
    return { isDto: dto instanceof ChatCompletionDto, dto };
  }

  @Post('completions')
  @HttpCode(200)
  completions(@RequestDto(CompletionDto) dto: CompletionDto): unknown {
    return dto;
  }
}

describe('@RequestDto', () => {
  let app: INestApplication<Server>;
  const failures: unknown[] = [];

  beforeAll(async () => {
    const module = await Test.createTestingModule({ controllers: [EchoController] }).compile();
    app = module.createNestApplication({ bodyParser: false });
    app.use(express.json());
    app.use((incoming: { surface?: unknown }, _response: unknown, next: () => void) => {
      incoming.surface = WATERFLAI;
      next();
    });
    app.useGlobalFilters({
      catch(error: unknown, host) {
        failures.push(error);
        host.switchToHttp().getResponse<express.Response>().status(400).json({});
      },
    });
    await app.init();
  });
  afterAll(() => app.close());

  it('gives the handler a validated, rebuilt request', async () => {
    const body = { model: 'm', messages: [{ role: 'user', content: 'hi', evil: 1 }], foo: 1, n: null };
    const reply = await request(app.getHttpServer()).post('/chat').send(body).expect(200);
    expect(reply.body).toEqual({
      isDto: true,
      dto: { model: 'm', messages: [{ role: 'user', content: 'hi' }] },
    });
  });

  it('fails with the issues, told by the surface’s rules', async () => {
    const body = { model: 'm', messages: [{ role: 'user', content: 'hi' }], stream_options: {} };
    await request(app.getHttpServer()).post('/chat').send(body).expect(400);
    expect(failures.at(-1)).toMatchObject({
      code: 'validation_failed',
      param: 'stream_options',
      issues: [{ kind: 'conflict' }],
      body,
    });
  });

  it('publishes the rules as the route’s request body', () => {
    const document = SwaggerModule.createDocument(
      app,
      new DocumentBuilder().setOpenAPIVersion('3.1.0').build(),
    );
    const { schemas } = document.components ?? {};
    const chat = schemas?.['ChatCompletionRequest'] as {
      properties: Record<string, object>;
      required: string[];
    };
    expect(document.paths['/chat']?.post?.requestBody).toMatchObject({
      required: true,
      content: { 'application/json': { schema: { $ref: '#/components/schemas/ChatCompletionRequest' } } },
    });
    expect(chat.required).toEqual(['model', 'messages']);
    expect(chat.properties['temperature']).toMatchObject({
      anyOf: [{ type: 'number', minimum: 0, maximum: 2 }, { type: 'null' }],
    });
    expect(chat.properties['messages']).toMatchObject({ type: 'array', minItems: 1 });
    expect(chat.properties['model']).toMatchObject({ type: 'string', minLength: 1, maxLength: 256 });
    expect(schemas?.['CompletionRequest']).toMatchObject({ required: ['model', 'prompt'] });
  });
});
