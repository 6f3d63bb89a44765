import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { ConversationsForbiddenError } from './conversations.errors.js';

/** Lets in the keys that may read and change what the account's conversations hold. */
@Injectable()
export class ConversationsGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { principal } = context.switchToHttp().getRequest<TollgateRequest>();
    if (principal?.readConversations === true) return true;
    throw new ConversationsForbiddenError();
  }
}
