import { ApiProperty, ApiSchema } from '@nestjs/swagger';
import type { ChoiceLogprobs, TokenLogprob } from './chat-completion.js';
import type { CompletionLogprobs } from './completion.js';

export class TopLogprob {
  @ApiProperty()
  token!: string;

  @ApiProperty({ example: -0.31 })
  logprob!: number;

  @ApiProperty({
    type: 'array',
    items: { type: 'integer' },
    nullable: true,
    description: 'UTF-8 of the token.',
  })
  bytes!: number[] | null;
}

@ApiSchema({ name: 'TokenLogprob' })
export class TokenLogprobObject extends TopLogprob implements TokenLogprob {
  @ApiProperty({ type: [TopLogprob] })
  top_logprobs!: TopLogprob[];
}

/**
 * Log probabilities of a chat choice, one entry a token.
 * @see openai-openapi 2.3.0, CreateChatCompletionResponse.choices.logprobs
 */
@ApiSchema({ name: 'ChatLogprobs' })
export class LogprobsObject implements ChoiceLogprobs {
  @ApiProperty({ type: [TokenLogprobObject], nullable: true })
  content!: TokenLogprobObject[] | null;

  @ApiProperty({ type: [TokenLogprobObject], nullable: true })
  refusal!: TokenLogprobObject[] | null;
}

/**
 * Log probabilities of a legacy completion: four arrays, one entry a token.
 * @see openai-openapi 2.3.0, CreateCompletionResponse.choices.logprobs
 */
@ApiSchema({ name: 'CompletionLogprobs' })
export class CompletionLogprobsObject implements CompletionLogprobs {
  @ApiProperty({ type: [String] })
  tokens!: string[];

  @ApiProperty({
    type: 'array',
    items: { anyOf: [{ type: 'number' }, { type: 'null' }] },
    description: '`null` for a first token that nothing comes before.',
  })
  token_logprobs!: (number | null)[];

  @ApiProperty({
    type: 'array',
    items: { anyOf: [{ type: 'object', additionalProperties: { type: 'number' } }, { type: 'null' }] },
    description: 'Log probability by token, of the most likely ones.',
  })
  top_logprobs!: (Record<string, number> | null)[];

  @ApiProperty({
    type: 'array',
    items: { type: 'integer' },
    description: 'Where each token begins, in characters of prompt and completion.',
  })
  text_offset!: number[];
}
