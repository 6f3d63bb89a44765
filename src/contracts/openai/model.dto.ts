import { ApiProperty } from '@nestjs/swagger';

/** USD per token, plain decimal strings. */
export class ModelPricing {
  @ApiProperty({ example: '0.0000003', description: 'USD per prompt token.' })
  prompt!: string;

  @ApiProperty({ example: '0.0000025', description: 'USD per completion token.' })
  completion!: string;

  @ApiProperty({
    example: '0.00000003',
    required: false,
    description: "USD per prompt token that was read from the upstream's cache.",
  })
  input_cache_read?: string;
}

/**
 * A model, the superset of the three dialects: every key is always present.
 * @see openai-openapi 2.3.0, Model; seed 003, ModelObject
 */
export class ModelObject {
  @ApiProperty({ example: 'google/gemini-2.5-flash' })
  id!: string;

  @ApiProperty({ enum: ['model'] })
  object!: 'model';

  @ApiProperty({ description: 'Unix seconds; 0 if unknown.' })
  created!: number;

  @ApiProperty({ example: 'google' })
  owned_by!: string;

  @ApiProperty({ example: 'Gemini 2.5 Flash' })
  name!: string;

  @ApiProperty()
  description!: string;

  @ApiProperty({ description: 'Tokens; 0 if unknown.', example: 1_048_576 })
  context_length!: number;

  @ApiProperty({ description: 'Tokens; 0 if unknown.', example: 65_536 })
  max_completion_tokens!: number;

  @ApiProperty({ type: ModelPricing })
  pricing!: ModelPricing;
}

/** @see openai-openapi 2.3.0, ListModelsResponse */
export class ModelList {
  @ApiProperty({ enum: ['list'] })
  object!: 'list';

  @ApiProperty({ type: [ModelObject] })
  data!: ModelObject[];
}
