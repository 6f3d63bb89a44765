import { Get } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import {
  USAGE_GROUPS,
  UsageReportRepository,
  type UsageGroup,
  type UsageSum,
} from '../billing/usage-report.repository.js';
import { Clock } from '../common/clock/clock.js';
import { costUsd7, creditsNumber } from '../common/money/wire-amounts.js';
import { toPage } from '../common/page.js';
import { badCursor, DEFAULT_LIMIT, PageDto, readCursor, writeCursor } from '../contracts/accounts/paging.js';
import { Field } from '../contracts/validation/field.decorator.js';
import { KnownFieldsOnly } from '../contracts/validation/known-fields-only.decorator.js';
import { choice } from '../contracts/validation/primitives.js';
import { idFilter } from '../contracts/validation/record-fields.js';
import { QueryDto } from '../http/query-dto.decorator.js';
import { UsageReport, type UsageSumObject } from './admin-objects.dto.js';
import { AdminRoute } from './admin-route.decorator.js';
import { moment } from './fields.js';

@KnownFieldsOnly()
export class UsageQueryDto extends PageDto {
  @Field(idFilter, { description: 'Only requests of this account.' })
  account_id?: string;

  @Field(moment, { description: 'Unix seconds. Absent: 30 days before `to`.' })
  from?: number;

  @Field(moment, { description: 'Unix seconds, not included. Absent: now.' })
  to?: number;

  @Field(choice(...USAGE_GROUPS), { description: 'One row each.', default: 'day' })
  group_by?: UsageGroup;
}

const THIRTY_DAYS_S = 30 * 24 * 3_600;

@AdminRoute('usage')
export class UsageController {
  constructor(
    private readonly usage: UsageReportRepository,
    private readonly clock: Clock,
  ) {}

  @Get()
  @ApiOperation({ operationId: 'reportUsage', summary: 'Sum up requests, tokens and credits' })
  @ApiOkResponse({ type: UsageReport, description: 'One row a day, model or key' })
  async report(@QueryDto(UsageQueryDto) query: UsageQueryDto): Promise<UsageReport> {
    const { account_id: accountId, group_by: groupBy = 'day', limit = DEFAULT_LIMIT, cursor } = query;
    // The request that has just ended belongs to it.
    const to = query.to ?? Math.ceil((this.clock.nowMs() + 1) / 1000);
    const from = query.from ?? Math.max(0, to - THIRTY_DAYS_S);
    const after = cursor === undefined ? undefined : groupAfter(cursor, groupBy);
    const sums = await this.usage.list(
      { accountId, fromMs: from * 1000, toMs: to * 1000, groupBy },
      limit + 1,
      after,
    );
    return toUsageAnswer(sums, limit, groupBy);
  }
}

function toUsageAnswer(sums: readonly UsageSum[], limit: number, groupBy: UsageGroup): UsageReport {
  const { rows, hasMore } = toPage(sums, limit);
  const last = rows.at(-1);
  return {
    object: 'list',
    data: rows.map((sum) => toUsageRow(sum, groupBy)),
    has_more: hasMore,
    next_cursor: hasMore && last !== undefined ? writeCursor([groupBy, last.group]) : null,
  };
}

function toUsageRow(sum: UsageSum, groupBy: UsageGroup): UsageSumObject {
  return {
    object: 'usage',
    ...(groupBy === 'key' ? { key_id: sum.group } : { [groupBy]: sum.group }),
    requests: Number(sum.requests),
    prompt_tokens: Number(sum.promptTokens),
    completion_tokens: Number(sum.completionTokens),
    total_tokens: Number(sum.promptTokens + sum.completionTokens),
    cost_usd: costUsd7(sum.costNanoUsd),
    credits: creditsNumber(sum.creditHundredths),
  };
}

const DAY = /^\d{4,6}-\d{2}-\d{2}$/;

/** @throws ValidationFailedError */
function groupAfter(cursor: string, groupBy: UsageGroup): string {
  const [grouped, group] = readCursor(cursor);
  if (grouped !== groupBy || typeof group !== 'string' || /\p{Cc}/u.test(group)) throw badCursor(cursor);
  if (groupBy === 'day' && (!DAY.test(group) || Number.isNaN(Date.parse(group)))) throw badCursor(cursor);
  return group;
}
