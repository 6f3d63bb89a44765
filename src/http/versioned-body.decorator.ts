import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import { exampled } from '../contracts/validation/request-examples.decorator.js';
import { validateRequest } from '../contracts/validation/validate-request.js';
import { ReadsBody } from './body.guard.js';
import { ApiIfMatch, expectedVersion } from './if-match.js';
import type { TollgateRequest } from './tollgate-request.js';

/**
 * A body that may be left out, of an action on a record as the caller has read it; that of a DELETE is read as well.
 * Publishes the class as the route's body, and `If-Match`.
 *
 * @param versionField of the class, which names the record's version; filled from `If-Match` where the body does not
 */
export function VersionedBody<Field extends string, T extends { [Name in Field]?: number }>(
  Dto: new () => T,
  versionField: Field,
): ParameterDecorator {
  const bind = createParamDecorator((_data: unknown, context: ExecutionContext): T => {
    const { body, surface, headers } = context.switchToHttp().getRequest<TollgateRequest>();
    const sent = validateRequest(Dto, body === undefined ? {} : body, { surface });
    return { ...sent, [versionField]: expectedVersion(headers['if-match'], sent[versionField]) };
  })();
  return (prototype, method, index) => {
    bind(prototype, method, index);
    if (method === undefined) return;
    const descriptor = Object.getOwnPropertyDescriptor(prototype, method);
    if (descriptor === undefined) return;
    const facts = [
      ReadsBody(),
      ApiBody({ type: Dto, required: false, ...exampled(Dto) }),
      ApiIfMatch(versionField),
    ];
    for (const decorate of facts) decorate(prototype, method, descriptor);
  };
}
