import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { DomainError } from '../common/errors/domain-error.js';
import type { TollgateRequest } from '../http/tollgate-request.js';

/** Lets in keys that may manage chatbots: whoever reads one reads its system prompt. */
@Injectable()
export class ChatbotsGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { principal } = context.switchToHttp().getRequest<TollgateRequest>();
    if (principal?.manageChatbots === true) return true;
    throw new DomainError(
      'permission_denied',
      'This API key may not manage chatbots. An operator can allow it: `manage_chatbots` of the key.',
    );
  }
}
