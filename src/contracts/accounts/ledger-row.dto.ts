import { ApiProperty } from '@nestjs/swagger';

/** One immutable change of an account's balance. */
export class LedgerRow {
  @ApiProperty({ enum: ['ledger_entry'] })
  object!: 'ledger_entry';

  @ApiProperty({ example: 'le_01a2013a92cfb348342de811a69eba68' })
  id!: string;

  @ApiProperty({ enum: ['grant', 'purchase', 'settlement', 'correction'] })
  type!: string;

  @ApiProperty({ example: -0.25, description: 'Credits; what the account pays is negative.' })
  amount!: number;

  @ApiProperty({ description: 'Unix seconds.' })
  created!: number;

  @ApiProperty()
  account_id!: string;

  @ApiProperty({ type: String, nullable: true })
  key_id!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'Of a settlement, and of a correction that gives one back.',
  })
  request_id!: string | null;

  @ApiProperty({
    type: String,
    nullable: true,
    description: "The operator's own words; ours where a settlement is given back.",
  })
  reason!: string | null;

  @ApiProperty({ type: String, nullable: true })
  price_version!: string | null;

  @ApiProperty({ type: String, nullable: true, enum: ['upstream', 'counted', 'estimated', null] })
  usage_source!: string | null;
}
