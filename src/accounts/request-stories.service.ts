import { Injectable } from '@nestjs/common';
import { RequestRecordRepository } from '../billing/request-record.repository.js';
import { DomainError } from '../common/errors/domain-error.js';
import type { RequestStory } from '../contracts/accounts/request-story.dto.js';
import { toRequestStory } from './wire.js';

/** Ours and callers' own, as the front door accepts them. */
const REQUEST_ID = /^[A-Za-z0-9_-]{1,128}$/;

/** Tells of a request what there is to tell. */
@Injectable()
export class RequestStoriesService {
  constructor(private readonly records: RequestRecordRepository) {}

  /**
   * @param id ours, or the caller's own `X-Request-Id`: the newest finished request with it
   * @param accountId only requests of this account, others do not exist; `undefined`: of any
   * @throws DomainError `not_found`, also for a request that was refused before anything was set aside for it
   */
  async get(id: string, accountId?: string): Promise<RequestStory> {
    const record = REQUEST_ID.test(id) ? await this.records.find(id, accountId) : undefined;
    if (record === undefined) throw new DomainError('not_found', 'There is no such request.');
    return toRequestStory(record);
  }
}
