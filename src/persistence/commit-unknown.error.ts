import { DomainError } from '../common/errors/domain-error.js';
import { storageUnavailable } from './storage-unavailable.js';

/**
 * The deadline passed while a commit was under way or had lost its acknowledgement: it may be durable, or become so.
 * To clients the same as `storage_unavailable`; whoever asked must undo or find out.
 */
export class CommitUnknownError extends DomainError {
  constructor() {
    const { message, retryAfterMs } = storageUnavailable();
    super('storage_unavailable', message, { retryAfterMs });
  }
}
