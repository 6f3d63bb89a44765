import { ApiProperty, ApiPropertyOptional, ApiSchema } from '@nestjs/swagger';
import { BUDGET_PERIODS, type BudgetPeriod } from '../common/money/budget.js';
import { USAGE_GROUPS } from '../billing/usage-report.repository.js';
import { ChatbotObject } from '../chatbots/chatbot-objects.dto.js';
import { LedgerRow } from '../contracts/accounts/ledger-row.dto.js';

const UNIX_SECONDS = { type: 'integer', description: 'Unix seconds.', example: 1_795_316_945 } as const;
const NULLABLE_SECONDS = { ...UNIX_SECONDS, nullable: true } as const;
const NULLABLE_COUNT = { type: 'integer', nullable: true } as const;
const OWN_LIMIT = { ...NULLABLE_COUNT, example: null };
const VERSION = {
  type: 'integer',
  example: 1,
  description: 'Raised by every change. Send it back to find out about changes by others.',
} as const;
const CREDITS = { format: 'double', description: 'Credits, at most two decimals.' } as const;

/** A page of a list, without its rows. */
abstract class AdminList {
  @ApiProperty({ enum: ['list'] })
  object!: 'list';

  @ApiProperty()
  has_more!: boolean;

  @ApiProperty({ type: String, nullable: true, description: 'To be sent as `cursor` for what follows.' })
  next_cursor!: string | null;
}

/** How much of one kind is stored, and how much may be. */
@ApiSchema({ name: 'StorageUse' })
export class StorageUseObject {
  @ApiProperty({ type: 'integer' })
  used!: number;

  @ApiProperty({ type: 'integer' })
  limit!: number;
}

@ApiSchema({ name: 'StorageLimit' })
export class StorageLimitObject {
  @ApiProperty({ type: 'integer', description: 'Of each chatbot; older versions are dropped.' })
  limit!: number;
}

@ApiSchema({ name: 'AccountStorage' })
export class AccountStorageObject {
  @ApiProperty({ type: StorageUseObject })
  stored_bytes!: StorageUseObject;

  @ApiProperty({ type: StorageUseObject })
  conversations!: StorageUseObject;

  @ApiProperty({ type: StorageUseObject })
  stored_completions!: StorageUseObject;

  @ApiProperty({ type: StorageUseObject })
  chatbots!: StorageUseObject;

  @ApiProperty({ type: StorageLimitObject })
  chatbot_versions!: StorageLimitObject;

  @ApiProperty({ type: StorageUseObject })
  kept_answer_bytes!: StorageUseObject;
}

@ApiSchema({ name: 'Account' })
export class AccountObject {
  @ApiProperty({ enum: ['account'] })
  object!: 'account';

  @ApiProperty({ example: 'acct_3f0c9a5d7b2e4c61a8d09e4f5b6a7c8d' })
  id!: string;

  @ApiProperty({ example: 'Ada' })
  name!: string;

  @ApiProperty({ enum: ['active', 'suspended'] })
  status!: 'active' | 'suspended';

  @ApiProperty({ ...CREDITS, example: 500 })
  balance!: number;

  @ApiProperty({ ...CREDITS, example: 0.75, description: 'Set aside for requests under way.' })
  held!: number;

  @ApiProperty({ ...CREDITS, example: 499.25, description: '`balance` less `held`.' })
  available!: number;

  @ApiProperty({ ...NULLABLE_COUNT, description: 'Days; `null`: until deleted.', example: null })
  conversation_retention_days!: number | null;

  @ApiProperty({ ...OWN_LIMIT, description: '`null`: `DEFAULT_MAX_STORED_BYTES`.' })
  max_stored_bytes!: number | null;

  @ApiProperty({ ...OWN_LIMIT, description: '`null`: `DEFAULT_MAX_CONVERSATIONS`.' })
  max_conversations!: number | null;

  @ApiProperty({ ...OWN_LIMIT, description: '`null`: `DEFAULT_MAX_STORED_COMPLETIONS`.' })
  max_stored_completions!: number | null;

  @ApiProperty({ ...OWN_LIMIT, description: '`null`: `DEFAULT_MAX_CHATBOTS`.' })
  max_chatbots!: number | null;

  @ApiProperty({ ...OWN_LIMIT, description: '`null`: `DEFAULT_MAX_CHATBOT_VERSIONS`.' })
  max_chatbot_versions!: number | null;

  @ApiProperty({ ...OWN_LIMIT, description: '`null`: `DEFAULT_MAX_KEPT_ANSWER_BYTES`.' })
  max_kept_answer_bytes!: number | null;

  @ApiProperty({ type: AccountStorageObject, description: 'What is stored, and the limits in force.' })
  storage!: AccountStorageObject;

  @ApiProperty(UNIX_SECONDS)
  created!: number;

  @ApiProperty(VERSION)
  version!: number;
}

@ApiSchema({ name: 'AccountList' })
export class AccountObjectList extends AdminList {
  @ApiProperty({ type: [AccountObject] })
  data!: readonly AccountObject[];
}

@ApiSchema({ name: 'AccountConversationsErased' })
export class ConversationsErased {
  @ApiProperty({ enum: ['account.conversations.erased'] })
  object!: 'account.conversations.erased';

  @ApiProperty({ description: 'Of the account.' })
  id!: string;

  @ApiProperty({ type: 'integer', description: 'Conversations and stored completions.' })
  erased!: number;
}

@ApiSchema({ name: 'ApiKey' })
export class KeyObject {
  @ApiProperty({ enum: ['api_key'] })
  object!: 'api_key';

  @ApiProperty({ example: 'key_3f0c9a5d7b2e4c61a8d09e4f5b6a7c8d' })
  id!: string;

  @ApiProperty()
  account_id!: string;

  @ApiProperty({ example: 'laptop' })
  name!: string;

  @ApiProperty({ description: 'The first characters of the secret.', example: 'sk-tg-3f0c' })
  prefix!: string;

  @ApiProperty({ enum: ['active', 'expired', 'revoked'] })
  status!: 'active' | 'expired' | 'revoked';

  @ApiProperty({ ...NULLABLE_COUNT, description: '`null`: `DEFAULT_RPM`.', example: 60 })
  rpm!: number | null;

  @ApiProperty({ ...NULLABLE_COUNT, description: '`null`: `DEFAULT_TPM`.', example: null })
  tpm!: number | null;

  @ApiProperty({ ...NULLABLE_COUNT, description: '`null`: any number.', example: null })
  max_concurrency!: number | null;

  @ApiProperty({ type: [String], nullable: true, description: '`null`: all.', example: null })
  models!: readonly string[] | null;

  @ApiProperty({ type: Number, ...CREDITS, nullable: true, example: 100 })
  budget!: number | null;

  @ApiProperty({ enum: BUDGET_PERIODS })
  budget_period!: BudgetPeriod;

  @ApiProperty({ ...CREDITS, description: 'Credits spent in the present period.', example: 0 })
  budget_spent!: number;

  @ApiProperty({ ...CREDITS, description: 'Credits held in the present period.', example: 0 })
  budget_held!: number;

  @ApiProperty(NULLABLE_SECONDS)
  expires_at!: number | null;

  @ApiProperty({ type: [String], nullable: true, description: '`null`: from anywhere.', example: null })
  allowed_ips!: readonly string[] | null;

  @ApiProperty()
  manage_chatbots!: boolean;

  @ApiProperty()
  read_conversations!: boolean;

  @ApiProperty(UNIX_SECONDS)
  created!: number;

  @ApiProperty(NULLABLE_SECONDS)
  revoked_at!: number | null;

  @ApiProperty({ ...NULLABLE_SECONDS, description: 'Unix seconds; `null`: it works no longer.' })
  previous_secret_valid_until!: number | null;

  @ApiProperty(VERSION)
  version!: number;

  @ApiPropertyOptional({
    type: [String],
    description: 'Of a key that was just made or changed: what to look at, in sentences. Mostly absent.',
  })
  warnings?: readonly string[];
}

@ApiSchema({ name: 'ApiKeyWithSecret' })
export class KeyWithSecretObject extends KeyObject {
  @ApiProperty({ description: 'The secret, shown this once.', example: 'sk-tg-…' })
  key!: string;
}

@ApiSchema({ name: 'ApiKeyList' })
export class KeyObjectList extends AdminList {
  @ApiProperty({ type: [KeyObject] })
  data!: readonly KeyObject[];
}

@ApiSchema({ name: 'AdminChatbotList' })
export class AllChatbotsList extends AdminList {
  @ApiProperty({ type: [ChatbotObject] })
  data!: readonly ChatbotObject[];
}

@ApiSchema({ name: 'LedgerList' })
export class LedgerRowList extends AdminList {
  @ApiProperty({ type: [LedgerRow] })
  data!: readonly LedgerRow[];
}

@ApiSchema({ name: 'LedgerDifference' })
export class LedgerDifferenceObject {
  @ApiProperty({ description: 'The rule that is broken.', example: 'I1' })
  invariant!: string;

  @ApiProperty()
  account_id!: string;

  @ApiProperty({ type: String, nullable: true })
  request_id!: string | null;

  @ApiProperty()
  message!: string;
}

@ApiSchema({ name: 'LedgerVerification' })
export class LedgerVerification {
  @ApiProperty({ enum: ['ledger_verification'] })
  object!: 'ledger_verification';

  @ApiProperty({ description: 'Whether every sum is what its entries make.' })
  ok!: boolean;

  @ApiProperty({ type: [LedgerDifferenceObject] })
  differences!: readonly LedgerDifferenceObject[];
}

@ApiSchema({ name: 'UsageSum' })
export class UsageSumObject {
  @ApiProperty({ enum: ['usage'] })
  object!: 'usage';

  @ApiPropertyOptional({ description: 'Where `group_by` is `day`.', example: '2026-11-22' })
  day?: string;

  @ApiPropertyOptional({ description: 'Where `group_by` is `model`.' })
  model?: string;

  @ApiPropertyOptional({ description: 'Where `group_by` is `key`.' })
  key_id?: string;

  @ApiProperty({ type: 'integer' })
  requests!: number;

  @ApiProperty({ type: 'integer' })
  prompt_tokens!: number;

  @ApiProperty({ type: 'integer' })
  completion_tokens!: number;

  @ApiProperty({ type: 'integer' })
  total_tokens!: number;

  @ApiProperty({ format: 'double', description: 'USD.' })
  cost_usd!: number;

  @ApiProperty(CREDITS)
  credits!: number;
}

@ApiSchema({ name: 'UsageReport', description: `Sums by ${USAGE_GROUPS.join(', ')}.` })
export class UsageReport extends AdminList {
  @ApiProperty({ type: [UsageSumObject] })
  data!: readonly UsageSumObject[];
}

@ApiSchema({ name: 'ConfigurationReload' })
export class ConfigurationReload {
  @ApiProperty({ enum: ['configuration_reload'] })
  object!: 'configuration_reload';

  @ApiProperty({ description: 'Whether it is in force. If not, the configuration before it is.' })
  ok!: boolean;

  @ApiProperty({ type: String, nullable: true, description: '`null`: there is no file.' })
  file!: string | null;

  @ApiPropertyOptional({ type: 'integer', description: 'How many there are; absent where it was refused.' })
  upstreams?: number;

  @ApiPropertyOptional({ type: 'integer', description: 'How many there are; absent where it was refused.' })
  models?: number;

  @ApiProperty({ type: [String], description: 'Why it was refused, each with its line and field.' })
  faults!: readonly string[];
}
