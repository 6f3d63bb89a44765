import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { Response } from 'express';
import { isChatbotId } from '../common/ids/chatbot-id.js';
import { isJsonObject } from '../contracts/validation/rule.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { sendError } from '../http/send-error.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { CatalogueService } from '../models/catalogue.service.js';
import { ModelNotFoundError } from '../models/models.errors.js';
import { ChatbotsService } from './chatbots.service.js';

/**
 * Where a request says nothing to answer, OpenAI asks first whether there is such a model. So do the dialects that refuse
 * in its words; FastAPI's tells of broken rules alone.
 */
@Catch(ValidationFailedError)
export class UnknownModelFilter implements ExceptionFilter<ValidationFailedError> {
  constructor(
    private readonly catalogue: CatalogueService,
    private readonly chatbots: ChatbotsService,
  ) {}

  async catch(refusal: ValidationFailedError, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<TollgateRequest>();
    const unknown = request.surface.validation === 'openai' && (await this.isUnknown(refusal, request));
    const model = modelOf(refusal);
    sendError(request, http.getResponse<Response>(), unknown ? new ModelNotFoundError(model ?? '') : refusal);
  }

  /** Never rejects: what cannot be found out leaves the refusal as it is. */
  private async isUnknown(refusal: ValidationFailedError, request: TollgateRequest): Promise<boolean> {
    const [{ kind, path }] = refusal.issues;
    const model = modelOf(refusal);
    const saysNothing = kind === 'missing' && (path[0] === 'messages' || path[0] === 'prompt');
    if (!saysNothing || path.length > 1 || model === undefined) return false;
    if (!isChatbotId(model)) return this.catalogue.find(model) === undefined;
    if (request.principal === undefined) return false;
    return this.chatbots.resolve(model, request.principal).then(
      () => false,
      (error: unknown) => error instanceof ModelNotFoundError,
    );
  }
}

function modelOf({ body }: ValidationFailedError): string | undefined {
  const model = isJsonObject(body) ? body['model'] : undefined;
  return typeof model === 'string' ? model : undefined;
}
