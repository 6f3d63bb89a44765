import { DomainError } from '../../common/errors/domain-error.js';
import { formatPath, type Issue } from './issue.js';
import type { Place } from './rule.js';

/**
 * A request that breaks rules of the wire. Each dialect makes its own words of `issues`; `message` is for logs and
 * repeats no value that was sent.
 */
export class ValidationFailedError extends DomainError {
  /**
   * @param issues at least one, in the order of the published fields
   * @param body what was sent, parsed; `undefined` when it was empty or no JSON
   * @param place where the fields stood
   */
  constructor(
    readonly issues: readonly [Issue, ...Issue[]],
    readonly body: unknown,
    readonly place: Place = 'body',
  ) {
    const param = formatPath(issues[0].path);
    super('validation_failed', `The request is not valid: ${issues[0].kind} at '${param}'.`, {
      ...(param !== '' && { param }),
    });
  }
}
