import { Param } from '@nestjs/common';
import { ConversationNotFoundError } from './conversations.errors.js';

/** What a client may call a conversation; nothing else can be the name of one. */
const CLIENT_ID = /^[\x20-\x7e\xa0-\xff]{1,256}$/;

/** The `:conversation_id` of a path. What no conversation can be called never reaches the database. */
export const ConversationId = (): ParameterDecorator =>
  Param('conversation_id', {
    transform(id: string): string {
      if (CLIENT_ID.test(id)) return id;
      throw new ConversationNotFoundError();
    },
  });
