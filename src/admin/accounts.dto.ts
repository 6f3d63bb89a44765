import { Field } from '../contracts/validation/field.decorator.js';
import { choice } from '../contracts/validation/primitives.js';
import { name, version } from '../contracts/validation/record-fields.js';
import { reason, signedCredits } from './fields.js';

export class NewAccountDto {
  @Field(name, { required: true, description: 'For people.' })
  name!: string;
}

export class AccountPatchDto {
  @Field(name, { description: 'For people.' })
  name?: string;

  @Field(choice('active', 'suspended'), { description: 'The keys of a suspended account are refused.' })
  status?: 'active' | 'suspended';

  @Field(version, { description: 'Of the account as it was read; another one is a conflict.' })
  version?: number;
}

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
