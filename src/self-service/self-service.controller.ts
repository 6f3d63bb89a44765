import { Controller, Get, Injectable, Param, Req } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { RequestStoriesService } from '../accounts/request-stories.service.js';
import { LedgerPagesRepository } from '../billing/ledger-pages.repository.js';
import { DomainError } from '../common/errors/domain-error.js';
import { creditsNumber } from '../common/money/wire-amounts.js';
import type { Principal } from '../common/principal.js';
import { Credits } from '../contracts/accounts/credits.dto.js';
import { RequestStory } from '../contracts/accounts/request-story.dto.js';
import { ApiFailures, SELF_SERVICE_FAILURES } from '../surfaces/api-failures.decorator.js';
import { Serves } from '../surfaces/serves.decorator.js';
import { LIGHTNINGROD, QOLABA, WATERFLAI } from '../surfaces/surface.js';

/** The request after the guard. */
interface AuthenticatedRequest {
  readonly principal: Principal;
}

/** What a key may know of its own account; the same on every surface but for the words of failures. */
@Injectable()
abstract class SelfServiceController {
  constructor(
    private readonly ledger: LedgerPagesRepository,
    private readonly stories: RequestStoriesService,
  ) {}

  @Get('credits')
  @ApiOperation({ operationId: 'retrieveCredits', summary: "Tell what the key's account has" })
  @ApiOkResponse({ type: Credits, description: 'Credits, at most two decimals' })
  async credits(@Req() { principal }: AuthenticatedRequest): Promise<Credits> {
    const sums = await this.ledger.sums(principal.accountId);
    if (sums === undefined) throw new DomainError('not_found', 'There is no such account.');
    return {
      object: 'credits',
      balance: creditsNumber(sums.balanceHundredths),
      held: creditsNumber(sums.heldHundredths),
      available: creditsNumber(sums.balanceHundredths - sums.heldHundredths),
      total_used: creditsNumber(sums.usedHundredths),
    };
  }

  @Get('requests/:request_id')
  @ApiOperation({
    operationId: 'retrieveRequest',
    summary: "Tell the whole story of one of the account's requests",
    description:
      'By our id, or by the `X-Request-Id` that the caller sent (the newest finished one with it). A request that was refused before anything was set aside for it has no story.',
  })
  @ApiOkResponse({ type: RequestStory, description: 'All that is known of it' })
  request(
    @Param('request_id') id: string,
    @Req() { principal }: AuthenticatedRequest,
  ): Promise<RequestStory> {
    return this.stories.get(id, principal.accountId);
  }
}

@Serves('waterflai')
@ApiFailures(WATERFLAI, SELF_SERVICE_FAILURES)
@Controller('v1')
export class WaterflaiSelfServiceController extends SelfServiceController {}

@Serves('qolaba')
@ApiFailures(QOLABA, SELF_SERVICE_FAILURES)
@Controller('api/v1')
export class QolabaSelfServiceController extends SelfServiceController {}

@Serves('lightningrod')
@ApiFailures(LIGHTNINGROD, SELF_SERVICE_FAILURES)
@Controller('api/public/v1/openai')
export class LightningrodSelfServiceController extends SelfServiceController {}
