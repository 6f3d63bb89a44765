import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import type { CompletionLogprobs } from './completion.js';
import { CompletionLogprobsObject } from './logprobs-response.dto.js';
import { UsageObject, UsageWithCredits } from './usage-response.dto.js';

@ApiSchema({ name: 'TextChoice' })
export class TextChoiceObject {
  @ApiProperty({ example: ' there was a small gateway.' })
  text!: string;

  @ApiProperty({
    type: 'integer',
    description: 'Prompt-major: number of the prompt × `n` + number of the choice.',
    example: 0,
  })
  index!: number;

  @ApiProperty({ type: CompletionLogprobsObject, nullable: true, example: null })
  logprobs!: CompletionLogprobs | null;

  @ApiProperty({
    enum: ['stop', 'length', 'content_filter'],
    description: 'Why the text ended. On Waterflai, `content_filter` is `stop`.',
  })
  finish_reason!: string;
}

/**
 * A whole legacy completion.
 * @see openai-openapi 2.3.0, CreateCompletionResponse
 */
export class TextCompletion {
  @ApiProperty({ example: 'cmpl-2ad67aec07ea44d8b64785507da65' })
  id!: string;

  @ApiProperty({ enum: ['text_completion'] })
  object!: 'text_completion';

  @ApiProperty({ type: 'integer', description: 'Unix seconds.', example: 1_795_316_945 })
  created!: number;

  @ApiProperty({ description: 'The id that was asked for.', example: 'sandbox/chat' })
  model!: string;

  @ApiProperty({ type: [TextChoiceObject] })
  choices!: TextChoiceObject[];

  @ApiProperty({ type: UsageObject })
  usage!: UsageObject;

  @ApiProperty({ required: false, description: "The upstream's configuration, where it says so." })
  system_fingerprint?: string;
}

export class TextCompletionWithCredits extends TextCompletion {
  @ApiProperty({ type: UsageWithCredits })
  override usage!: UsageWithCredits;
}

@ApiSchema({ name: 'TextChunkChoice' })
export class TextChunkChoiceObject {
  @ApiProperty()
  text!: string;

  @ApiProperty({ type: 'integer', example: 0 })
  index!: number;

  @ApiProperty({ type: CompletionLogprobsObject, nullable: true })
  logprobs!: CompletionLogprobs | null;

  @ApiProperty({
    enum: ['stop', 'length', 'content_filter', 'error'],
    nullable: true,
    description:
      'In the last chunk of a choice. `error`: the stream broke, and the event before it said why.',
  })
  finish_reason!: string | null;
}

/** One event of a streamed legacy completion; its `object` is that of the whole answer. */
export class TextCompletionChunk {
  @ApiProperty({ example: 'cmpl-0972ac63be2b28f6f81b008d8cb68' })
  id!: string;

  @ApiProperty({ enum: ['text_completion'] })
  object!: 'text_completion';

  @ApiProperty({ type: 'integer', description: 'Unix seconds.' })
  created!: number;

  @ApiProperty({ description: 'The id that was asked for.' })
  model!: string;

  @ApiProperty({ type: [TextChunkChoiceObject], description: 'Empty in a chunk that only carries usage.' })
  choices!: TextChunkChoiceObject[];

  @ApiProperty({
    type: UsageObject,
    nullable: true,
    required: false,
    description: 'With `include_usage`: counts in the last chunk, `null` in the others. Without it: absent.',
  })
  usage?: UsageObject | null;

  @ApiProperty({ required: false, description: "The upstream's configuration, where it says so." })
  system_fingerprint?: string;
}

export class TextCompletionChunkWithCredits extends TextCompletionChunk {
  @ApiProperty({
    type: UsageWithCredits,
    nullable: true,
    required: false,
    description:
      'In the trailer after `[DONE]`, unless `include_usage` is `false`; with `include_usage`, also in the last chunk before it.',
  })
  override usage?: UsageWithCredits | null;
}
