import { Controller, Delete, Get, Header, Injectable, Param, Req } from '@nestjs/common';
import {
  ApiForbiddenResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiParam,
} from '@nestjs/swagger';
import type { Principal } from '../common/principal.js';
import { ErrorResponse } from '../contracts/openai/error-response.dto.js';
import { ModelList, ModelObject } from '../contracts/openai/model.dto.js';
import { ApiFailures, DOOR_FAILURES } from '../surfaces/api-failures.decorator.js';
import { Serves } from '../surfaces/serves.decorator.js';
import { LIGHTNINGROD, QOLABA, WATERFLAI, type Surface } from '../surfaces/surface.js';
import { ModelDeletionForbiddenError } from './models.errors.js';
import { ModelsService } from './models.service.js';

/** The request after the guard. */
interface AuthenticatedRequest {
  readonly principal: Principal;
  readonly surface: Surface;
}

/** Ids hold slashes, raw or as `%2F`; each segment arrives decoded once. */
const ModelParam = () => ApiParam({ name: 'model', type: String, example: 'google/gemini-2.5-flash' });

/** The models routes of every dialect; they differ in nothing but the owner of models that have none. */
@Injectable()
abstract class ModelsController {
  constructor(private readonly models: ModelsService) {}

  @Get()
  @Header('content-type', 'application/json; charset=utf-8')
  @ApiOperation({ operationId: 'listModels', summary: 'List the models and chatbots that this key can use' })
  @ApiOkResponse({
    type: ModelList,
    description: "All of them: the models in the order of the configuration, then the account's chatbots",
  })
  list(@Req() { principal, surface }: AuthenticatedRequest): Promise<string> {
    return this.models.listJson(principal, surface.defaultModelOwner);
  }

  @Get('*model')
  @ApiOperation({ operationId: 'retrieveModel', summary: 'Retrieve a model or chatbot' })
  @ModelParam()
  @ApiOkResponse({ type: ModelObject, description: 'The model' })
  @ApiNotFoundResponse({ type: ErrorResponse, description: 'No such model, or none that this key can use' })
  retrieve(
    @Param('model') segments: string[],
    @Req() { principal, surface }: AuthenticatedRequest,
  ): Promise<ModelObject> {
    return this.models.retrieve(toModelId(segments), principal, surface.defaultModelOwner);
  }

  @Delete('*model')
  @ApiOperation({ operationId: 'deleteModel', summary: 'Refused: models are configured by the operator' })
  @ModelParam()
  @ApiForbiddenResponse({ type: ErrorResponse, description: 'Always' })
  delete(): never {
    throw new ModelDeletionForbiddenError();
  }
}

/** Segments that a router has split and decoded; a trailing slash of the path is no part of the id. */
function toModelId(segments: readonly string[]): string {
  const last = segments.at(-1);
  return (last === '' && segments.length > 1 ? segments.slice(0, -1) : segments).join('/');
}

@Serves('waterflai')
@ApiFailures(WATERFLAI, DOOR_FAILURES)
@Controller(['v1/models', 'models'])
export class WaterflaiModelsController extends ModelsController {}

@Serves('qolaba')
@ApiFailures(QOLABA, DOOR_FAILURES)
@Controller(['v1/chat/models', 'api/v1/models', 'api/v1/chat/models'])
export class QolabaModelsController extends ModelsController {}

@Serves('lightningrod')
@ApiFailures(LIGHTNINGROD, DOOR_FAILURES)
@Controller('api/public/v1/openai/models')
export class LightningRodModelsController extends ModelsController {}
