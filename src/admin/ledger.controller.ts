import { Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { toLedgerRow } from '../accounts/wire.js';
import { ApiKeyRepository } from '../accounts/api-key.repository.js';
import { LedgerPagesRepository, type LedgerFilter } from '../billing/ledger-pages.repository.js';
import { LedgerVerificationService } from '../billing/ledger-verification.service.js';
import { PageDto, toListAnswer, toPageRequest } from '../contracts/accounts/paging.js';
import { Field } from '../contracts/validation/field.decorator.js';
import { KnownFieldsOnly } from '../contracts/validation/known-fields-only.decorator.js';
import { idFilter } from '../contracts/validation/record-fields.js';
import { QueryDto } from '../http/query-dto.decorator.js';
import { LedgerRowList, LedgerVerification } from './admin-objects.dto.js';
import { AdminRoute } from './admin-route.decorator.js';

@KnownFieldsOnly()
export class LedgerQueryDto extends PageDto {
  @Field(idFilter, { description: 'Only entries of this account.' })
  account_id?: string;

  @Field(idFilter, { description: "Only settlements of this key's requests." })
  key_id?: string;

  @Field(idFilter, { description: 'Only the settlement of this request, and what was given back of it.' })
  request_id?: string;
}

@AdminRoute('ledger')
export class LedgerController {
  constructor(
    private readonly ledger: LedgerPagesRepository,
    private readonly keys: ApiKeyRepository,
    private readonly verification: LedgerVerificationService,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'listLedger', summary: 'List ledger entries, newest first' })
  @ApiOkResponse({ type: LedgerRowList, description: 'A page of them' })
  async list(@QueryDto(LedgerQueryDto) query: LedgerQueryDto): Promise<LedgerRowList> {
    const page = toPageRequest(query);
    const filter = await this.filterOf(query);
    const found = filter === undefined ? NOTHING : await this.ledger.list(filter, page);
    return toListAnswer(found, (entry) => entry, toLedgerRow);
  }

  /** Recomputes every sum; reads the whole ledger, beside everything else. */
  @Get('verify')
  @ApiOperation({ operationId: 'verifyLedger', summary: 'Recompute every balance, hold and budget' })
  @ApiOkResponse({ type: LedgerVerification, description: 'Whether all is right, and what is not' })
  async verify(): Promise<LedgerVerification> {
    const differences = await this.verification.verify();
    return {
      object: 'ledger_verification',
      ok: differences.length === 0,
      differences: differences.map(({ invariant, accountId, requestId, message }) => ({
        invariant,
        account_id: accountId,
        request_id: requestId ?? null,
        message,
      })),
    };
  }

  /** @returns `undefined` where nothing can be found: no such key, or a key of another account */
  private async filterOf({
    account_id: accountId,
    key_id: keyId,
    request_id: requestId,
  }: LedgerQueryDto): Promise<LedgerFilter | undefined> {
    if (keyId === undefined) return { accountId, requestId };
    const key = await this.keys.findAny(keyId);
    if (key === undefined || (accountId !== undefined && accountId !== key.accountId)) return undefined;
    return { accountId: key.accountId, keyId, requestId };
  }
}

const NOTHING = { rows: [], hasMore: false };
