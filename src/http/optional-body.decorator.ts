import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import { exampled } from '../contracts/validation/request-examples.decorator.js';
import { validateRequest } from '../contracts/validation/validate-request.js';
import type { TollgateRequest } from './tollgate-request.js';

/**
 * A body whose fields are all optional, so it may be left out; publishes the class as the route's body.
 * @param options `orNull`: the type of official SDKs lets `null` stand for no body
 */
export function OptionalBody<T extends object>(
  Dto: new () => T,
  { orNull = false }: { readonly orNull?: boolean } = {},
): ParameterDecorator {
  const bind = createParamDecorator((_data: unknown, context: ExecutionContext): T => {
    const { body, surface } = context.switchToHttp().getRequest<TollgateRequest>();
    const left = body === undefined || (orNull && body === null);
    return validateRequest(Dto, left ? {} : body, { surface });
  })();
  return (prototype, method, index) => {
    bind(prototype, method, index);
    if (method === undefined) return;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, method);
    if (descriptor !== undefined)
      ApiBody({ type: Dto, required: false, ...exampled(Dto) })(prototype, method, descriptor);
  };
}
