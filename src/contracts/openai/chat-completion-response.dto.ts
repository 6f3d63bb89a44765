import { ApiExtraModels, ApiProperty, ApiSchema, getSchemaPath } from '@nestjs/swagger';
import type {
  AssistantMessage,
  ChoiceLogprobs,
  CustomToolCall,
  FunctionToolCall,
  ToolCall,
} from './chat-completion.js';
import { LogprobsObject } from './logprobs-response.dto.js';
import { UsageObject, UsageWithCredits } from './usage-response.dto.js';

export class FunctionCallObject {
  @ApiProperty({ example: 'get_weather' })
  name!: string;

  @ApiProperty({ description: 'JSON text, as the model wrote it: check it.', example: '{"city":"Paris"}' })
  arguments!: string;
}

@ApiSchema({ name: 'FunctionToolCall' })
export class FunctionToolCallObject implements FunctionToolCall {
  @ApiProperty({ example: 'call_a1b2c3d4e5f6a7b8c9d0e1f2' })
  id!: string;

  @ApiProperty({ enum: ['function'] })
  type!: 'function';

  @ApiProperty({ type: FunctionCallObject })
  function!: FunctionCallObject;
}

export class CustomCallObject {
  @ApiProperty()
  name!: string;

  @ApiProperty({ description: 'Text of any form.' })
  input!: string;
}

@ApiSchema({ name: 'CustomToolCall' })
export class CustomToolCallObject implements CustomToolCall {
  @ApiProperty()
  id!: string;

  @ApiProperty({ enum: ['custom'] })
  type!: 'custom';

  @ApiProperty({ type: CustomCallObject })
  custom!: CustomCallObject;
}

/** @see openai-openapi 2.3.0, ChatCompletionResponseMessage */
@ApiSchema({ name: 'ChatMessage' })
@ApiExtraModels(FunctionToolCallObject, CustomToolCallObject)
export class ChatMessageObject implements AssistantMessage {
  @ApiProperty({ enum: ['assistant'] })
  role!: 'assistant';

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The answer. When the model only calls tools: `null` on Qolaba, `""` elsewhere.',
    example: 'The capital of France is Paris.',
  })
  content!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Why the model declined to answer.',
    example: null,
  })
  refusal!: string | null;

  @ApiProperty({ required: false, description: 'What a reasoning model thought.' })
  reasoning_content?: string;

  @ApiProperty({
    required: false,
    description: 'The same as `reasoning_content`, for clients that read this name.',
  })
  reasoning?: string;

  @ApiProperty({
    type: 'array',
    required: false,
    items: {
      oneOf: [{ $ref: getSchemaPath(FunctionToolCallObject) }, { $ref: getSchemaPath(CustomToolCallObject) }],
    },
    description: 'Calls to make and to answer with `tool` messages; absent when there are none.',
  })
  tool_calls?: ToolCall[];

  @ApiProperty({
    type: FunctionCallObject,
    required: false,
    deprecated: true,
    description: 'Answers the deprecated `functions`.',
  })
  function_call?: FunctionCallObject;

  @ApiProperty({
    type: 'array',
    items: { type: 'object', additionalProperties: true },
    required: false,
    description: 'Sources that the model names, where it searches the web.',
  })
  annotations?: Record<string, unknown>[];

  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    selfRequired: false,
    description: 'An answer in audio.',
  })
  audio?: Record<string, unknown>;
}

@ApiSchema({ name: 'ChatChoice' })
export class ChatChoiceObject {
  @ApiProperty({ type: 'integer', example: 0 })
  index!: number;

  @ApiProperty({ type: ChatMessageObject })
  message!: ChatMessageObject;

  @ApiProperty({ type: LogprobsObject, nullable: true, example: null })
  logprobs!: ChoiceLogprobs | null;

  @ApiProperty({
    enum: ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'],
    description:
      'Why the answer ended. Waterflai knows the first three: there, `content_filter` is `stop` with a `refusal`, and `function_call` is `tool_calls`.',
  })
  finish_reason!: string;
}

/**
 * A whole chat answer.
 * @see openai-openapi 2.3.0, CreateChatCompletionResponse
 */
export class ChatCompletion {
  @ApiProperty({ example: 'chatcmpl-540331caf8ef97a39be5466fe969c' })
  id!: string;

  @ApiProperty({ enum: ['chat.completion'] })
  object!: 'chat.completion';

  @ApiProperty({ type: 'integer', description: 'Unix seconds.', example: 1_795_316_945 })
  created!: number;

  @ApiProperty({ description: 'The id that was asked for.', example: 'sandbox/chat' })
  model!: string;

  @ApiProperty({ type: [ChatChoiceObject] })
  choices!: ChatChoiceObject[];

  @ApiProperty({ type: UsageObject })
  usage!: UsageObject;

  @ApiProperty({ required: false, description: 'Processing tier, where the upstream says it.' })
  service_tier?: string;

  @ApiProperty({ required: false, description: "The upstream's configuration, where it says so." })
  system_fingerprint?: string;
}

export class ChatCompletionWithConversation extends ChatCompletion {
  @ApiProperty({
    description: 'The one that was sent, or a new one; also in the header `x-conversation-id`.',
    example: '9f80e56d-b442-4d83-94a9-6bbadec086f7',
  })
  conversation_id!: string;
}

export class ChatCompletionWithCredits extends ChatCompletion {
  @ApiProperty({ type: UsageWithCredits })
  override usage!: UsageWithCredits;
}
