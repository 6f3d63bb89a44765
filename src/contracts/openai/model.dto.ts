import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';

/** USD per token, plain decimal strings. */
export class TokenPricing {
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

  @ApiProperty({ required: false, description: 'USD per prompt token that is sound; absent: as `prompt`.' })
  audio_prompt?: string;

  @ApiProperty({
    required: false,
    description: 'USD per completion token that is sound; absent: as `completion`.',
  })
  audio_completion?: string;
}

@ApiExtraModels(TokenPricing)
export class ModelPricing extends TokenPricing {
  @ApiProperty({
    example: '0.01',
    required: false,
    description:
      'USD for a request with `web_search_options`, beside its tokens; absent: the model takes none.',
  })
  web_search?: string;

  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: getSchemaPath(TokenPricing) },
    selfRequired: false,
    description:
      'Prices of other service tiers than the standard one, by `service_tier`; no others are sold.',
  })
  tiers?: Record<string, TokenPricing>;
}

/**
 * A model, the superset of the three dialects: every key is always present.
 * @see openai-openapi 2.3.0, Model; LightningRod's description, ModelObject
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
