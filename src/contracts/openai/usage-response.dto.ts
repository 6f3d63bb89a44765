import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import type { Usage } from './chat-completion.js';

export class PromptTokensDetails {
  @ApiProperty({
    type: 'integer',
    description: "Read from the upstream's cache; part of `prompt_tokens`.",
    example: 0,
  })
  cached_tokens!: number;

  @ApiProperty({ type: 'integer', example: 0 })
  audio_tokens!: number;
}

export class CompletionTokensDetails {
  @ApiProperty({
    type: 'integer',
    description: 'Thought, not said; part of `completion_tokens`.',
    example: 0,
  })
  reasoning_tokens!: number;

  @ApiProperty({ type: 'integer', example: 0 })
  audio_tokens!: number;

  @ApiProperty({ type: 'integer', example: 0 })
  accepted_prediction_tokens!: number;

  @ApiProperty({ type: 'integer', example: 0 })
  rejected_prediction_tokens!: number;
}

/**
 * Token counts, all of them always there.
 * @see openai-openapi 2.3.0, CompletionUsage
 */
@ApiSchema({ name: 'Usage' })
export class UsageObject implements Usage {
  @ApiProperty({ type: 'integer', example: 22 })
  prompt_tokens!: number;

  @ApiProperty({ type: 'integer', description: 'Of all choices together.', example: 495 })
  completion_tokens!: number;

  @ApiProperty({ type: 'integer', description: 'Prompt and completion.', example: 517 })
  total_tokens!: number;

  @ApiProperty({ type: PromptTokensDetails })
  prompt_tokens_details!: PromptTokensDetails;

  @ApiProperty({ type: CompletionTokensDetails })
  completion_tokens_details!: CompletionTokensDetails;
}

export class ModelCost {
  @ApiProperty({ description: 'The model id that was asked for.', example: 'google/gemini-2.5-flash' })
  model!: string;

  @ApiProperty({ description: 'Credits, at most 2 decimals.', example: 0.25 })
  credit!: number;

  @ApiProperty({ description: 'USD, rounded to 6 decimals.', example: 0.001244 })
  cost!: number;
}

export class CostBreakdown {
  @ApiProperty({ type: ModelCost })
  model!: ModelCost;
}

/**
 * Token counts, and what they cost.
 * @see Qolaba's description of its API, usage of the sample response
 */
export class UsageWithCredits extends UsageObject {
  @ApiProperty({ description: 'Credits that were charged, at most 2 decimals.', example: 0.25 })
  total_credit!: number;

  @ApiProperty({ description: 'USD, rounded to 7 decimals.', example: 0.0012441 })
  total_cost!: number;

  @ApiProperty({ type: CostBreakdown })
  breakdown!: CostBreakdown;
}
