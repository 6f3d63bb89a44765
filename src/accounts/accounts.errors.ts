import { DomainError } from '../common/errors/domain-error.js';

export class AccountNotFoundError extends DomainError {
  constructor() {
    super('not_found', 'There is no such account.');
  }
}

export class KeyNotFoundError extends DomainError {
  constructor() {
    super('not_found', 'There is no such API key.');
  }
}

/** Somebody else has changed the record since the caller read it. */
export class VersionConflictError extends DomainError {
  /** @param version that the record has now */
  constructor(version: number) {
    super('conflict', `The record was changed in the meantime: it is at version ${version} now.`, {
      param: 'version',
    });
  }
}

/** A revoked key stays as it is. */
export class KeyRevokedError extends DomainError {
  constructor() {
    super('conflict', 'The API key is revoked, which cannot be undone. Create another one.');
  }
}
