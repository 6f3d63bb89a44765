import { Controller, HttpCode, Injectable, Post, Req, Res, UseFilters } from '@nestjs/common';
import { ApiOperation, ApiRequestTimeoutResponse } from '@nestjs/swagger';
import type { Response } from 'express';
import { UnknownModelFilter } from '../chatbots/unknown-model.filter.js';
import {
  TextCompletion,
  TextCompletionChunk,
  TextCompletionChunkWithCredits,
  TextCompletionWithCredits,
} from '../contracts/openai/completion-response.dto.js';
import { CompletionDto } from '../contracts/openai/completion.dto.js';
import { ErrorResponseWithDetail } from '../contracts/openai/error-response.dto.js';
import { RequestDto } from '../http/request-dto.decorator.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { ApiAnswers } from '../surfaces/api-answers.decorator.js';
import { Serves } from '../surfaces/serves.decorator.js';
import { LIGHTNINGROD, QOLABA, WATERFLAI } from '../surfaces/surface.js';
import { CompletionsService } from './completions.service.js';

/** `POST …/completions`; each surface is this under its own path and dialect. */
@Injectable()
abstract class CompletionsController {
  constructor(private readonly completions: CompletionsService) {}

  @Post()
  @UseFilters(UnknownModelFilter)
  @HttpCode(200)
  @ApiOperation({
    operationId: 'createCompletion',
    summary: 'Complete a text (legacy)',
    description:
      'Goes on with one or several prompts. Models that only chat answer the prompt instead. Without `max_tokens`: 16 tokens, on LightningRod as many as the model has, from a chatbot as many as it says. Chatbots remember nothing here.',
  })
  // The same on every surface: nobody has read a path yet. Without a response here Nest would add an empty 200.
  @ApiRequestTimeoutResponse({
    type: ErrorResponseWithDetail,
    description: 'The request took too long to arrive.',
  })
  create(
    @RequestDto(CompletionDto) body: CompletionDto,
    @Req() request: TollgateRequest,
    @Res() response: Response,
  ): Promise<void> {
    return this.completions.respond(body, request, response);
  }
}

@Serves('waterflai')
@ApiAnswers(WATERFLAI, TextCompletion, TextCompletionChunk)
@Controller(['v1/completions', 'completions'])
export class WaterflaiCompletionsController extends CompletionsController {}

@Serves('qolaba')
@ApiAnswers(QOLABA, TextCompletionWithCredits, TextCompletionChunkWithCredits)
@Controller('api/v1/completions')
export class QolabaCompletionsController extends CompletionsController {}

@Serves('lightningrod')
@ApiAnswers(LIGHTNINGROD, TextCompletion, TextCompletionChunk)
@Controller('api/public/v1/openai/completions')
export class LightningrodCompletionsController extends CompletionsController {}
