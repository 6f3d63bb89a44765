import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import { ChatCompletion, FunctionCallObject } from './chat-completion-response.dto.js';
import { ListPage } from './list-page.dto.js';

/**
 * A chat answer as it was given, to a request with `store: true`.
 * @see openai-openapi 2.3.0, CreateChatCompletionResponse, ChatCompletionList
 */
@ApiSchema({ name: 'StoredChatCompletion' })
export class StoredCompletionObject extends ChatCompletion {
  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' }, example: {} })
  metadata!: Readonly<Record<string, string>>;

  @ApiProperty({ description: 'The request that was answered.' })
  request_id!: string;

  @ApiProperty({ required: false, description: 'Where the answer named one.' })
  conversation_id?: string;
}

@ApiSchema({ name: 'StoredChatCompletionList' })
export class StoredCompletionList extends ListPage {
  @ApiProperty({ type: [StoredCompletionObject] })
  data!: StoredCompletionObject[];
}

/** @see openai-openapi 2.3.0, ChatCompletionDeleted */
@ApiSchema({ name: 'ChatCompletionDeleted' })
export class StoredCompletionDeleted {
  @ApiProperty({ enum: ['chat.completion.deleted'] })
  object!: 'chat.completion.deleted';

  @ApiProperty()
  id!: string;

  @ApiProperty({ enum: [true] })
  deleted!: true;
}

/**
 * A message of the request, with the fields that it was sent with.
 * @see openai-openapi 2.3.0, ChatCompletionMessageList
 */
@ApiSchema({ name: 'StoredChatMessage' })
export class StoredMessageObject {
  @ApiProperty({ example: 'chatcmpl-540331caf8ef97a39be5466fe969c-0' })
  id!: string;

  @ApiProperty({ enum: ['developer', 'system', 'user', 'assistant', 'tool', 'function'] })
  role!: string;

  @ApiProperty({ type: String, nullable: true, description: '`null` where it was sent as parts.' })
  content!: string | null;

  @ApiProperty({
    type: 'array',
    items: { type: 'object', additionalProperties: true },
    nullable: true,
    description: '`null` where it was sent as text.',
  })
  content_parts!: object[] | null;

  @ApiProperty({ type: String, nullable: true })
  name!: string | null;

  @ApiProperty({ type: String, nullable: true })
  refusal!: string | null;

  @ApiProperty({
    type: 'array',
    items: { type: 'object', additionalProperties: true },
    required: false,
    description: 'Of an assistant.',
  })
  tool_calls?: object[];

  @ApiProperty({ required: false, description: 'Of a tool.' })
  tool_call_id?: string;

  @ApiProperty({ required: false, description: 'Of an assistant: what it thought.' })
  reasoning_content?: string;

  @ApiProperty({ required: false, description: 'The same as `reasoning_content`.' })
  reasoning?: string;

  @ApiProperty({
    type: FunctionCallObject,
    required: false,
    deprecated: true,
    description: 'Of an assistant, in place of `tool_calls`.',
  })
  function_call?: FunctionCallObject;

  @ApiProperty({
    type: 'object',
    properties: { id: { type: 'string' } },
    required: ['id'],
    selfRequired: false,
    description: 'Of an assistant: what it said before.',
  })
  audio?: { id: string };
}

@ApiSchema({ name: 'StoredChatMessageList' })
export class StoredMessageList extends ListPage {
  @ApiProperty({ type: [StoredMessageObject] })
  data!: StoredMessageObject[];
}
