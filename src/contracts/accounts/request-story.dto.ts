import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { LedgerRow } from './ledger-row.dto.js';

export class StoryRoute {
  @ApiProperty({ example: 'main', description: 'The upstream of the last attempt.' })
  upstream!: string;

  @ApiProperty({ example: 'gemini-2.5-flash' })
  upstream_model!: string;
}

export class StoryFailedAttempt {
  @ApiProperty({ example: 'main' })
  upstream!: string;

  @ApiProperty({ example: 'gemini-2.5-flash' })
  upstream_model!: string;

  @ApiProperty({ example: 'upstream_unavailable', description: 'Why, as in the log.' })
  code!: string;

  @ApiProperty({ type: Number, nullable: true, description: 'HTTP status that the upstream sent.' })
  upstream_status!: number | null;
}

export class StoryTimings {
  @ApiProperty({ type: Number, nullable: true, description: 'Until the first token, of a stream.' })
  first_token_ms!: number | null;

  @ApiProperty({ type: Number, nullable: true, description: '`null`: still under way.' })
  duration_ms!: number | null;
}

export class StoryUsage {
  @ApiProperty()
  prompt_tokens!: number;

  @ApiProperty({ description: 'The part of `prompt_tokens` that the upstream read from its cache.' })
  cached_prompt_tokens!: number;

  @ApiProperty()
  completion_tokens!: number;

  @ApiProperty({ description: 'The part of `completion_tokens` that was spent on reasoning.' })
  reasoning_tokens!: number;

  @ApiProperty()
  total_tokens!: number;

  @ApiProperty({
    enum: ['upstream', 'counted', 'estimated'],
    description: 'Who counted: the upstream, we, or we without seeing all of it.',
  })
  usage_source!: string;
}

export class StoryPrice {
  @ApiProperty({ description: 'A version is never changed; another price is another version.' })
  version!: string;

  @ApiProperty({ example: '0.0000003', description: 'USD per prompt token.' })
  prompt!: string;

  @ApiProperty({ example: '0.0000025', description: 'USD per completion token.' })
  completion!: string;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'USD per cached prompt token; `null`: as `prompt`.',
  })
  input_cache_read!: string | null;

  @ApiProperty({ type: String, nullable: true, enum: ['config', 'price-table', null] })
  source!: string | null;

  @ApiProperty({ type: Number, nullable: true, description: 'Unix seconds.' })
  effective_from!: number | null;
}

export class StoryHoldEvent {
  @ApiProperty({ enum: ['opened', 'extended', 'settled', 'released', 'expired'] })
  event!: string;

  @ApiProperty({
    description:
      'Credits held after it (`opened`, `extended`), charged (`settled`) or given back (the others).',
  })
  amount!: number;

  @ApiProperty({ description: 'Unix seconds.' })
  created!: number;
}

export class StoryHold {
  @ApiProperty({ enum: ['open', 'settled', 'released', 'expired'] })
  state!: string;

  @ApiProperty({ description: 'Credits.' })
  amount!: number;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'month:2026-11-01',
    description: "The period of the key's budget that it was taken from; `null`: the key had none.",
  })
  budget_window!: string | null;

  @ApiProperty({ type: [StoryHoldEvent] })
  events!: StoryHoldEvent[];
}

/** Everything that is known of one request that reached the point of being paid for. */
@ApiExtraModels(StoryUsage)
export class RequestStory {
  @ApiProperty({ enum: ['request'] })
  object!: 'request';

  @ApiProperty({ example: 'req_01a2013a92cfb348342de811a69eba68' })
  id!: string;

  @ApiProperty({ type: String, nullable: true, description: "The caller's own `X-Request-Id`." })
  client_request_id!: string | null;

  @ApiProperty({ description: 'Unix seconds.' })
  created!: number;

  @ApiProperty()
  account_id!: string;

  @ApiProperty()
  key_id!: string;

  @ApiProperty({ enum: ['waterflai', 'qolaba', 'lightningrod'] })
  surface!: string;

  @ApiProperty({ enum: ['chat', 'completions'] })
  endpoint!: string;

  @ApiProperty()
  model!: string;

  @ApiProperty({ type: StoryRoute })
  route!: StoryRoute;

  @ApiProperty({
    type: [StoryFailedAttempt],
    description:
      'Upstream calls that failed, in their order; each was followed by one on the next route, if there was one.',
  })
  failed_attempts!: StoryFailedAttempt[];

  @ApiProperty()
  streamed!: boolean;

  @ApiProperty({
    enum: [
      'in_progress',
      'completed',
      'cut_at_limit',
      'client_left',
      'upstream_failed',
      'drained',
      'process_died',
      'settled_late',
    ],
  })
  outcome!: string;

  @ApiProperty({ type: String, nullable: true })
  finish_reason!: string | null;

  @ApiProperty({ type: StoryTimings })
  timings!: StoryTimings;

  @ApiProperty({ oneOf: [{ $ref: getSchemaPath(StoryUsage) }, { type: 'null' }] })
  usage!: StoryUsage | null;

  @ApiProperty({ type: StoryPrice })
  price!: StoryPrice;

  @ApiProperty({ description: 'USD, rounded half up to 7 decimals; 0 while under way.' })
  cost_usd!: number;

  @ApiProperty({ description: 'Credits charged; 0 while under way.' })
  credits!: number;

  @ApiProperty({ type: StoryHold })
  hold!: StoryHold;

  @ApiProperty({ type: [LedgerRow] })
  ledger!: LedgerRow[];
}
