import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ListPage } from './list-page.dto.js';

/**
 * A conversation: OpenAI's four fields, then ours.
 * @see openai-openapi 2.3.0, ConversationResource
 */
@ApiSchema({ name: 'Conversation' })
export class ConversationObject {
  @ApiProperty({ example: 'conv_3f0c9a5d7b2e4c61a8d09e4f5b6a7c8d' })
  id!: string;

  @ApiProperty({ enum: ['conversation'] })
  object!: 'conversation';

  @ApiProperty({ type: 'integer', description: 'Unix seconds.', example: 1_795_316_945 })
  created_at!: number;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: {} })
  metadata!: Readonly<Record<string, string>>;

  @ApiProperty({ type: String, nullable: true, example: null })
  title!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Id of the chatbot that remembers it; `null`: it is for plain models.',
    example: null,
  })
  chatbot!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'As last asked for.', example: null })
  model!: string | null;

  @ApiProperty({ description: 'What requests send as `conversation_id` to go on with it.' })
  conversation_id!: string;

  @ApiProperty({ type: 'integer', description: 'How many are stored.', example: 2 })
  messages!: number;

  @ApiProperty({
    type: 'integer',
    description: 'Turns so far, and exchanges that were put in by hand.',
    example: 1,
  })
  turns!: number;

  @ApiProperty({ type: 'integer', description: 'Unix seconds of the last message.', example: 1_795_316_945 })
  updated_at!: number;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'What stands for its oldest messages, where the memory policy writes summaries.',
    example: null,
  })
  summary!: string | null;

  @ApiProperty({
    enum: [true],
    required: false,
    description:
      'Only in lists, of a conversation that cannot be opened: what `metadata`, `title` and `summary` say is not known.',
  })
  unreadable?: true;
}

export class ConversationList extends ListPage {
  @ApiProperty({ type: [ConversationObject] })
  data!: ConversationObject[];
}

/** @see openai-openapi 2.3.0, DeletedConversationResource */
export class ConversationDeleted {
  @ApiProperty()
  id!: string;

  @ApiProperty({ enum: ['conversation.deleted'] })
  object!: 'conversation.deleted';

  @ApiProperty({ enum: [true] })
  deleted!: true;
}

/** A conversation as a file: `messages` are those of chat completions, and can be sent or put back as they are. */
export class ConversationExport {
  @ApiProperty({ enum: ['conversation.export'] })
  object!: 'conversation.export';

  @ApiProperty({ type: ConversationObject })
  conversation!: ConversationObject;

  @ApiProperty({
    type: 'array',
    items: {
      type: 'object',
      properties: {
        id: { type: 'string' },
        created_at: { type: 'integer', description: 'Unix seconds.' },
        turn: { type: 'integer' },
        request_id: { type: ['string', 'null'] as unknown as 'string' },
        role: { type: 'string' },
      },
      required: ['id', 'created_at', 'turn', 'request_id', 'role'],
      additionalProperties: true,
    },
    description: 'All messages, oldest first.',
  })
  messages!: object[];
}
