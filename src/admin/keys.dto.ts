import { BUDGET_PERIODS, type BudgetPeriod } from '../common/money/budget.js';
import { PageDto } from '../contracts/accounts/paging.js';
import { Field } from '../contracts/validation/field.decorator.js';
import { KnownFieldsOnly } from '../contracts/validation/known-fields-only.decorator.js';
import { choice, flag, integer } from '../contracts/validation/primitives.js';
import { idFilter, name, version } from '../contracts/validation/record-fields.js';
import { addresses, concurrency, creditsOrNothing, models, perMinute, moment } from './fields.js';
import { Examples } from '../contracts/validation/request-examples.decorator.js';

/** The fields of a key that an operator sets and changes. In a PATCH, `null` takes the limit away. */
class KeyFieldsDto {
  @Field(perMinute, { description: 'Requests a minute. Absent: `DEFAULT_RPM`.' })
  rpm?: number;

  @Field(perMinute, { description: 'Tokens a minute, prompt and completion. Absent: `DEFAULT_TPM`.' })
  tpm?: number;

  @Field(concurrency, { description: 'Inference requests under way at a time.' })
  max_concurrency?: number;

  @Field(models, { description: 'Ids of the models that it may use. Absent: all.' })
  models?: string[];

  /** Hundredths of a credit. */
  @Field(creditsOrNothing, { description: 'Credits that it may spend in each `budget_period`.' })
  budget?: bigint;

  @Field(choice(...BUDGET_PERIODS), {
    description: 'UTC; weeks begin on Mondays; `total` never begins anew.',
    default: 'total',
  })
  budget_period?: BudgetPeriod;

  @Field(moment, { description: 'Unix seconds from which on it is refused.' })
  expires_at?: number;

  @Field(addresses, { description: 'Addresses and networks that it may be used from. Absent: all.' })
  allowed_ips?: string[];

  @Field(flag, {
    description: "Whether it may read and change the account's chatbots, system prompts included.",
    default: false,
  })
  manage_chatbots?: boolean;

  @Field(flag, {
    description:
      "Whether it may list, read, change and delete what the account's conversations hold. Set it to false for a key that leaves your servers.",
    default: true,
  })
  read_conversations?: boolean;
}

/** Of a key as it is read. */
const READ_ONLY = [
  'object',
  'id',
  'prefix',
  'status',
  'budget_spent',
  'budget_held',
  'created',
  'revoked_at',
  'previous_secret_valid_until',
  'warnings',
] as const;

@KnownFieldsOnly(...READ_ONLY, 'version')
@Examples({
  'A laptop': {
    account_id: 'acct_3f0c9a5d7b2e4c61a8d09e4f5b6a7c8d',
    name: 'laptop',
    rpm: 60,
    budget: 100,
    budget_period: 'month',
  },
})
export class NewKeyDto extends KeyFieldsDto {
  @Field(idFilter, { required: true, description: 'Who pays.' })
  account_id!: string;

  @Field(name, { required: true, description: 'For people.' })
  name!: string;
}

@KnownFieldsOnly(...READ_ONLY, 'account_id')
@Examples({ 'A smaller budget': { budget: 50 }, 'No limit of requests': { rpm: null } })
export class KeyPatchDto extends KeyFieldsDto {
  @Field(name, { nullMeans: null, description: 'For people.' })
  name?: string;

  @Field(version, { description: 'Of the key as it was read; another one is a conflict.' })
  version?: number;
}

/** A year: longer than anyone means a secret to be shared by two. */
const MAX_OVERLAP_SECONDS = 366 * 24 * 3_600;

@KnownFieldsOnly()
@Examples({ 'An hour for both secrets': { overlap_seconds: 3_600 }, 'At once': {} })
export class RotationDto {
  @Field(integer({ min: 0, max: MAX_OVERLAP_SECONDS }), {
    description: 'How long the present secret works on beside the new one.',
    default: 0,
  })
  overlap_seconds?: number;
}

@KnownFieldsOnly()
export class KeyListDto extends PageDto {
  @Field(idFilter, { description: 'Only keys of this account.' })
  account_id?: string;
}
