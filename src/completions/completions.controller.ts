import { Controller, HttpCode, Injectable, Post, Req, Res } from '@nestjs/common';
import type { Response } from 'express';
import { CompletionDto } from '../contracts/openai/completion.dto.js';
import { RequestDto } from '../http/request-dto.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { Serves } from '../surfaces/serves.decorator.js';
import { CompletionsService } from './completions.service.js';

/** `POST …/completions`; each surface is this under its own path and dialect. */
@Injectable()
abstract class CompletionsController {
  constructor(private readonly completions: CompletionsService) {}

  @Post()
  @HttpCode(200)
  create(
    @RequestDto(CompletionDto) body: CompletionDto,
    @Req() request: TollgateRequest,
    @Res() response: Response,
  ): Promise<void> {
    return body.stream === true
      ? this.completions.stream(body, request, response)
      : this.completions.answer(body, request, response);
  }
}

@Serves('waterflai')
@Controller(['v1/completions', 'completions'])
export class WaterflaiCompletionsController extends CompletionsController {}

@Serves('qolaba')
@Controller('api/v1/completions')
export class QolabaCompletionsController extends CompletionsController {}

@Serves('lightningrod')
@Controller('api/public/v1/openai/completions')
export class LightningrodCompletionsController extends CompletionsController {}
