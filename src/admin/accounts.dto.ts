import { PageDto } from '../contracts/accounts/paging.js';
import { Field } from '../contracts/validation/field.decorator.js';
import { KnownFieldsOnly } from '../contracts/validation/known-fields-only.decorator.js';
import { choice } from '../contracts/validation/primitives.js';
import { name, version } from '../contracts/validation/record-fields.js';
import { days, reason, signedCredits, storageLimit, versionLimit } from './fields.js';
import { Examples } from '../contracts/validation/request-examples.decorator.js';

/** Of an account as it is read. */
const READ_ONLY = ['object', 'id', 'balance', 'held', 'available', 'storage', 'created'] as const;

@KnownFieldsOnly(
  ...READ_ONLY,
  'status',
  'version',
  'max_stored_bytes',
  'max_conversations',
  'max_stored_completions',
  'max_chatbots',
  'max_chatbot_versions',
  'max_kept_answer_bytes',
)
@Examples({ 'A customer': { name: 'Ada' } })
export class NewAccountDto {
  @Field(name, { required: true, description: 'For people.' })
  name!: string;

  @Field(days, {
    description:
      'Days that conversations are kept after their last turn or added item; 0: nothing is stored.',
  })
  conversation_retention_days?: number;
}

@KnownFieldsOnly(...READ_ONLY)
@Examples({
  'Suspend it': { status: 'suspended' },
  'Keep conversations 30 days': { conversation_retention_days: 30 },
  'More room for conversations': { max_stored_bytes: 1_073_741_824, max_conversations: 100_000 },
})
export class AccountPatchDto {
  @Field(name, { nullMeans: null, description: 'For people.' })
  name?: string;

  @Field(choice('active', 'suspended'), {
    nullMeans: null,
    description: 'The keys of a suspended account are refused.',
  })
  status?: 'active' | 'suspended';

  @Field(days, {
    description:
      'Days that conversations are kept after their last turn or added item; 0: nothing is stored, and what there is is erased.',
  })
  conversation_retention_days?: number;

  @Field(storageLimit, {
    description: 'Bytes of conversations, stored completions and chatbots; null: `DEFAULT_MAX_STORED_BYTES`.',
  })
  max_stored_bytes?: number;

  @Field(storageLimit, { description: 'Conversations; null: `DEFAULT_MAX_CONVERSATIONS`.' })
  max_conversations?: number;

  @Field(storageLimit, { description: 'Stored completions; null: `DEFAULT_MAX_STORED_COMPLETIONS`.' })
  max_stored_completions?: number;

  @Field(storageLimit, { description: 'Chatbots; null: `DEFAULT_MAX_CHATBOTS`.' })
  max_chatbots?: number;

  @Field(versionLimit, {
    description:
      'Versions of each chatbot, of which older ones are dropped; null: `DEFAULT_MAX_CHATBOT_VERSIONS`.',
  })
  max_chatbot_versions?: number;

  @Field(storageLimit, {
    description:
      'Bytes of answers that are kept for their `Idempotency-Key`; null: `DEFAULT_MAX_KEPT_ANSWER_BYTES`.',
  })
  max_kept_answer_bytes?: number;

  @Field(version, { description: 'Of the account as it was read; another one is a conflict.' })
  version?: number;
}

@KnownFieldsOnly()
@Examples({ 'A purchase': { amount: 500, reason: 'order 17' }, 'A gift': { amount: 5, type: 'grant' } })
export class CreditsDto {
  /** Hundredths of a credit. */
  @Field(signedCredits, { required: true, description: 'Credits; negative takes back.' })
  amount!: bigint;

  @Field(reason, { description: 'Kept with the entry.' })
  reason?: string;

  @Field(choice('grant', 'purchase', 'correction'), {
    description: 'Absent: a purchase, or a correction where the amount is negative.',
  })
  type?: 'grant' | 'purchase' | 'correction';
}

@KnownFieldsOnly()
export class AccountListDto extends PageDto {}
