import { DomainError } from '../common/errors/domain-error.js';
import { LIMIT_FIELDS, type StorageUse } from './storage-limits.js';

const WORDS: Readonly<Record<keyof StorageUse, { readonly what: string; readonly advice: string }>> = {
  storedBytes: {
    what: 'bytes of conversations, stored completions and chatbots',
    advice: 'Delete some of them',
  },
  conversations: { what: 'conversations', advice: 'Delete some of them' },
  storedCompletions: { what: 'stored completions', advice: 'Delete some of them' },
  chatbots: { what: 'chatbots', advice: 'Delete some of them' },
  keptAnswerBytes: {
    what: 'bytes of answers that are kept for their Idempotency-Key, each for a day',
    advice: 'Send the request without an Idempotency-Key or later',
  },
};

/** The account stores as much as it may, or would with this. Nothing was stored, called or charged. */
export class StorageQuotaError extends DomainError {
  /**
   * @param used what is stored, with what requests under way will store
   * @param more what this would add; 0: it is not known
   */
  constructor(limit: keyof StorageUse, used: number, most: number, more: number) {
    const { what, advice } = WORDS[limit];
    const adds = more > 0 ? ` and this request needs ${more} more` : '';
    super(
      'storage_quota_exceeded',
      `Storage quota exceeded: this account has ${used} of at most ${most} ${what}${adds}. ` +
        `${advice}, or have the operator raise \`${LIMIT_FIELDS[limit]}\`.`,
    );
  }
}
