import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { LedgerRow } from './ledger-row.dto.js';
import type { ConversationContext } from './request-provenance.js';

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

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'USD per prompt token that is sound; `null`: as `prompt`.',
  })
  audio_prompt!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'USD per completion token that is sound; `null`: as `completion`.',
  })
  audio_completion!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'USD for the request, beside its tokens, since it may search the web; `null`: it may not.',
  })
  web_search!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    example: 'priority',
    description: 'The service tier that it is the price of; `null`: the standard one.',
  })
  service_tier!: string | null;

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

export class StoryChatbot {
  @ApiProperty({ example: 'bot_5d2c0ad1c9f54be2a4b9d7ad1f0e2c33' })
  id!: string;

  @ApiProperty()
  version!: number;
}

/** What was sent of a conversation. */
export class StoryConversation implements ConversationContext {
  @ApiProperty({ example: 'conv_5d2c0ad1c9f54be2a4b9d7ad1f0e2c33' })
  id!: string;

  @ApiProperty({ enum: ['none', 'turns', 'window', 'summary'], description: 'The memory policy.' })
  memory!: ConversationContext['memory'];

  @ApiProperty({ description: 'Messages that it had before this request.' })
  messages_stored!: number;

  @ApiProperty({ description: 'Of those, sent word for word.' })
  messages_sent!: number;

  @ApiProperty({ description: 'Of those, sent as part of the summary.' })
  messages_summarised!: number;

  @ApiProperty({ description: 'Of those, not sent.' })
  messages_dropped!: number;

  @ApiProperty({ description: 'Messages of the request that were recognised as stored already.' })
  messages_recognised!: number;

  @ApiProperty({
    description:
      'Tokens of the whole prompt, system prompt and tools included: counted, or an upper bound where all fits by it.',
  })
  prompt_tokens_at_most!: number;

  @ApiProperty({
    type: Number,
    nullable: true,
    description:
      'Tokens that the prompt might have with what is remembered; more where what must be sent is longer. `null`: neither model nor policy names a limit.',
  })
  prompt_tokens_allowed!: number | null;

  @ApiProperty({
    required: false,
    description:
      'The request that was made for this one, with a charge and a story of its own, to fold what does not fit into the summary.',
  })
  summary_request?: string;
}

/** Everything that is known of one request that reached the point of being paid for. */
@ApiExtraModels(StoryUsage, StoryChatbot, StoryConversation)
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

  @ApiProperty({
    oneOf: [{ $ref: getSchemaPath(StoryChatbot) }, { type: 'null' }],
    description: 'The chatbot that shaped it; `null`: none.',
  })
  chatbot!: StoryChatbot | null;

  @ApiProperty({
    oneOf: [{ $ref: getSchemaPath(StoryConversation) }, { type: 'null' }],
    description: 'The conversation that it went on; `null`: none.',
  })
  conversation!: StoryConversation | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'The request that this one was made for: a summary of its conversation.',
  })
  summary_for!: string | null;

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
