import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import type { ChatDelta, ChoiceLogprobs, ToolCallDelta } from './chat-completion.js';
import { LogprobsObject } from './logprobs-response.dto.js';
import { UsageObject, UsageWithCredits } from './usage-response.dto.js';

export class FunctionCallFragment {
  @ApiProperty({ required: false })
  name?: string;

  @ApiProperty({ required: false, description: 'To be joined with those before it.' })
  arguments?: string;
}

export class CustomCallFragment {
  @ApiProperty({ required: false })
  name?: string;

  @ApiProperty({ required: false, description: 'To be joined with those before it.' })
  input?: string;
}

/** The first fragment of a call has `id`, `type` and a name; those that follow have none of them. */
@ApiSchema({ name: 'ToolCallFragment' })
export class ToolCallFragment implements ToolCallDelta {
  @ApiProperty({ type: 'integer', description: 'Tells the calls of one choice apart; from 0, without gaps.' })
  index!: number;

  @ApiProperty({ required: false })
  id?: string;

  @ApiProperty({ enum: ['function', 'custom'], required: false })
  type?: 'function' | 'custom';

  @ApiProperty({ type: FunctionCallFragment, required: false })
  function?: FunctionCallFragment;

  @ApiProperty({ type: CustomCallFragment, required: false })
  custom?: CustomCallFragment;
}

/**
 * What a chunk adds. The first of a choice has the role, the last is empty.
 * @see openai-openapi 2.3.0, ChatCompletionStreamResponseDelta
 */
@ApiSchema({ name: 'ChatDelta' })
export class ChatDeltaObject implements ChatDelta {
  @ApiProperty({ enum: ['assistant'], required: false })
  role?: 'assistant';

  @ApiProperty({ required: false, example: 'The capital' })
  content?: string;

  @ApiProperty({ type: String, nullable: true, required: false })
  refusal?: string | null;

  @ApiProperty({ required: false })
  reasoning_content?: string;

  @ApiProperty({
    required: false,
    description: 'The same as `reasoning_content`, for clients that read this name.',
  })
  reasoning?: string;

  @ApiProperty({ type: [ToolCallFragment], required: false })
  tool_calls?: ToolCallFragment[];

  @ApiProperty({ type: FunctionCallFragment, required: false, deprecated: true })
  function_call?: FunctionCallFragment;

  @ApiProperty({
    type: 'array',
    items: { type: 'object', additionalProperties: true },
    required: false,
  })
  annotations?: Record<string, unknown>[];

  @ApiProperty({ type: 'object', additionalProperties: true, selfRequired: false })
  audio?: Record<string, unknown>;
}

@ApiSchema({ name: 'ChatChunkChoice' })
export class ChatChunkChoiceObject {
  @ApiProperty({ type: 'integer', example: 0 })
  index!: number;

  @ApiProperty({ type: ChatDeltaObject })
  delta!: ChatDeltaObject;

  @ApiProperty({ type: LogprobsObject, nullable: true })
  logprobs!: ChoiceLogprobs | null;

  @ApiProperty({
    enum: ['stop', 'length', 'tool_calls', 'content_filter', 'function_call', 'error'],
    nullable: true,
    description:
      'In the last chunk of a choice. `error`: the stream broke, and the event before it said why.',
    example: null,
  })
  finish_reason!: string | null;
}

/**
 * One event of a streamed chat answer; `id`, `created` and `model` are the same in all of them.
 * @see openai-openapi 2.3.0, CreateChatCompletionStreamResponse
 */
export class ChatCompletionChunk {
  @ApiProperty({ example: 'chatcmpl-803746318ad20998bf24b4243817b' })
  id!: string;

  @ApiProperty({ enum: ['chat.completion.chunk'] })
  object!: 'chat.completion.chunk';

  @ApiProperty({ type: 'integer', description: 'Unix seconds.', example: 1_795_316_945 })
  created!: number;

  @ApiProperty({ description: 'The id that was asked for.', example: 'sandbox/chat' })
  model!: string;

  @ApiProperty({ type: [ChatChunkChoiceObject], description: 'Empty in a chunk that only carries usage.' })
  choices!: ChatChunkChoiceObject[];

  @ApiProperty({
    type: UsageObject,
    nullable: true,
    required: false,
    description: 'With `include_usage`: counts in the last chunk, `null` in the others. Without it: absent.',
  })
  usage?: UsageObject | null;

  @ApiProperty({ required: false, description: 'Processing tier, where the upstream says it.' })
  service_tier?: string;

  @ApiProperty({ required: false, description: "The upstream's configuration, where it says so." })
  system_fingerprint?: string;

  @ApiProperty({
    required: false,
    description: 'With `include_obfuscation`: noise that hides the length of tokens.',
  })
  obfuscation?: string;
}

export class ChatCompletionChunkWithConversation extends ChatCompletionChunk {
  @ApiProperty({ required: false, description: 'In chunks that end a choice, and in the usage chunk.' })
  conversation_id?: string;
}

export class ChatCompletionChunkWithCredits extends ChatCompletionChunk {
  @ApiProperty({
    type: UsageWithCredits,
    nullable: true,
    required: false,
    description:
      'In the trailer after `[DONE]`, unless `include_usage` is `false`; with `include_usage`, also in the last chunk before it.',
  })
  override usage?: UsageWithCredits | null;
}
