import { ApiProperty, ApiSchema } from '@nestjs/swagger';

/** @see openai-openapi 2.3.0, Error */
@ApiSchema({ name: 'Error' })
export class ErrorDto {
  @ApiProperty({ description: 'A sentence for people. It never repeats a key or a prompt.' })
  message!: string;

  @ApiProperty({
    enum: ['invalid_request_error', 'requests', 'tokens', 'insufficient_quota', 'server_error'],
  })
  type!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The request field at fault, as a path such as `messages[0].role`.',
  })
  param!: string | null;

  @ApiProperty({ type: String, nullable: true, description: 'Stable; branch on it, not on the message.' })
  code!: string | null;
}

/** A failure, in the form that OpenAI's SDKs read. */
export class ErrorResponse {
  @ApiProperty({ type: ErrorDto })
  error!: ErrorDto;
}

/** The same, with the message repeated for clients that read `detail`. */
export class ErrorResponseWithDetail extends ErrorResponse {
  @ApiProperty({ description: 'The same as `error.message`.' })
  detail!: string;
}

/** One field that breaks a rule, as FastAPI tells it. */
export class ValidationError {
  @ApiProperty({ description: "Pydantic's name of the rule.", example: 'missing' })
  type!: string;

  @ApiProperty({
    type: 'array',
    items: { oneOf: [{ type: 'string' }, { type: 'integer' }] },
    description: 'Where it is, from the body down.',
    example: ['body', 'messages', 0, 'role'],
  })
  loc!: (string | number)[];

  @ApiProperty({ example: 'Field required' })
  msg!: string;

  /** `{}` is the schema of anything at all. */
  @ApiProperty({ anyOf: [{}], description: 'What was sent, cut when it is large.' })
  input!: unknown;

  @ApiProperty({ type: 'object', additionalProperties: true, selfRequired: false, example: { le: 2 } })
  ctx?: Record<string, unknown>;
}

/**
 * Every field that breaks a rule, and the first of them as an OpenAI error.
 * @see LightningRod's description, HTTPValidationError
 */
@ApiSchema({ name: 'HTTPValidationError' })
export class HttpValidationError extends ErrorResponse {
  @ApiProperty({ type: [ValidationError] })
  detail!: ValidationError[];
}

/** The last event of a stream that broke after its first byte: no `choices`, and no `[DONE]` follows. */
export class StreamFailure extends ErrorResponseWithDetail {}
