import { DomainError } from '../common/errors/domain-error.js';

/** No such model, or none that this caller may know of. */
export class ModelNotFoundError extends DomainError {
  /** As inference says it. */
  constructor(id: string) {
    super('model_not_found', `The model \`${shown(id)}\` does not exist or you do not have access to it.`);
  }
}

/** As `GET …/models/{model}` says it. */
export class ModelObjectNotFoundError extends DomainError {
  constructor(id: string) {
    super('model_not_found', `The model '${shown(id)}' does not exist`, { param: 'model' });
  }
}

/** Models are the operator's; nobody deletes them over this API. */
export class ModelDeletionForbiddenError extends DomainError {
  constructor() {
    super('permission_denied', 'You have insufficient permissions for this operation.');
  }
}

const LONGEST_SHOWN = 128;

/** A caller's text inside our sentence: bounded, on one line, and with nothing that a terminal would obey. */
function shown(id: string): string {
  const printable = id.slice(0, LONGEST_SHOWN).replace(/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, '\u{FFFD}');
  return id.length > LONGEST_SHOWN ? `${printable}…` : printable;
}
