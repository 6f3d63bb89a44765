import type { InputItem } from '../contracts/openai/conversation-item.js';
import { metadata } from '../contracts/validation/chat-fields.js';
import { items, someItems } from '../contracts/validation/conversation-items.js';
import { Field } from '../contracts/validation/field.decorator.js';
import { KnownFieldsOnly } from '../contracts/validation/known-fields-only.decorator.js';
import { choice, text } from '../contracts/validation/primitives.js';
import { NO_CONTROLS } from '../contracts/validation/record-fields.js';
import { CursorPageDto } from './cursor-page.js';
import { Examples } from '../contracts/validation/request-examples.decorator.js';

const title = text({ max: 256, ...NO_CONTROLS });

/** Of a conversation as it is read. */
const READ_ONLY = [
  'object',
  'id',
  'created_at',
  'chatbot',
  'model',
  'conversation_id',
  'messages',
  'turns',
  'updated_at',
  'summary',
  'unreadable',
] as const;

/** @see openai-openapi 2.3.0, CreateConversationBody; `title` is ours */
@KnownFieldsOnly(...READ_ONLY)
@Examples({
  'With what was said': {
    title: 'A trip to Paris',
    items: [
      { type: 'message', role: 'user', content: 'I am going to Paris.' },
      { type: 'message', role: 'assistant', content: 'How long will you stay?' },
    ],
    metadata: { topic: 'travel' },
  },
  Empty: {},
})
export class NewConversationDto {
  @Field(items, { description: 'What was said so far, oldest first.' })
  items?: InputItem[];

  @Field(metadata, { description: 'Up to 16 pairs of text of the client’s own.' })
  metadata?: Record<string, string>;

  @Field(title, { description: 'For people.' })
  title?: string;
}

/** @see openai-openapi 2.3.0, UpdateConversationBody; `title` is ours */
@KnownFieldsOnly(...READ_ONLY, 'items')
@Examples({ 'Another title': { title: 'A week in Paris', metadata: { topic: 'travel' } } })
export class ConversationChangesDto {
  @Field(metadata, {
    description: 'In place of those before. Absent: they stay; `null` or `{}`: none.',
    nullMeans: {},
  })
  metadata?: Record<string, string>;

  @Field(title, { description: 'Absent: it stays; empty: none.' })
  title?: string;
}

/** @see openai-openapi 2.3.0, createConversationItems */
@Examples({ 'A message': { items: [{ type: 'message', role: 'user', content: 'A week.' }] } })
export class NewItemsDto {
  @Field(someItems, { required: true, description: 'To be put at the end, in this order.' })
  items!: InputItem[];
}

export class ConversationListDto extends CursorPageDto {
  @Field(text({ max: 256, ...NO_CONTROLS }), { description: 'Only conversations with this chatbot.' })
  chatbot?: string;
}

export class ExportDto {
  @Field(choice('json', 'markdown'), { description: 'Of the file.', default: 'json' })
  format?: 'json' | 'markdown';
}
