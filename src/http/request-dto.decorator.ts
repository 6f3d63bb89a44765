import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import type { SurfaceRules } from '../contracts/validation/rule.js';
import { exampled } from '../contracts/validation/request-examples.decorator.js';
import { validateRequest } from '../contracts/validation/validate-request.js';

/** What earlier steps put on a request: the body guard the parsed body, the route's decorator the dialect. */
interface ParsedRequest {
  readonly body: unknown;
  readonly surface: SurfaceRules;
}

/**
 * Gives a handler its request as a validated, rebuilt object of the class, and publishes the class as the route's body.
 * The request fails with `ValidationFailedError`, which the filter says in the route's dialect.
 */
export function RequestDto<T extends object>(Dto: new () => T): ParameterDecorator {
  const bind = createParamDecorator((_data: unknown, context: ExecutionContext): T => {
    const { body, surface } = context.switchToHttp().getRequest<ParsedRequest>();
    return validateRequest(Dto, body, { surface });
  })();
  return (prototype, method, index) => {
    bind(prototype, method, index);
    if (method === undefined) return;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, method);
    if (descriptor !== undefined) ApiBody({ type: Dto, ...exampled(Dto) })(prototype, method, descriptor);
  };
}
