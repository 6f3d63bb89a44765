import { Injectable } from '@nestjs/common';
import { isChatbotId } from '../common/ids/chatbot-id.js';
import { nearestWord } from '../common/nearest-word.js';
import { Clock } from '../common/clock/clock.js';
import type { Issue } from '../contracts/validation/issue.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { CatalogueService } from '../models/catalogue.service.js';

/** The limits of a key that can be set so that it is of no use. `undefined`: not set, or not changed. */
export interface CheckedLimits {
  readonly allowedModels?: readonly string[] | null | undefined;
  readonly expiresAtMs?: number | null | undefined;
}

/** The last millisecond of the year 9999: later moments are mostly milliseconds that were taken for seconds. */
const LATEST_MEANT_MS = Date.UTC(10_000, 0) - 1;

/** Named in one message. */
const MOST_NAMED = 5;

/** Finds limits that nobody can mean: a key that is dead from the start, or opens no model that there is. */
@Injectable()
export class KeyChecksService {
  constructor(
    private readonly catalogue: CatalogueService,
    private readonly clock: Clock,
  ) {}

  /** @throws ValidationFailedError for a new key that has expired already, or allows only models that there are not */
  refuseUseless({ allowedModels, expiresAtMs }: CheckedLimits): void {
    if (expiresAtMs != null && expiresAtMs <= this.clock.nowMs()) {
      throw refusal('expires_at', `Invalid 'expires_at': ${EXPIRED}`, expiresAtMs / 1000);
    }
    const unknown = this.unknownOf(allowedModels ?? []);
    if (allowedModels && allowedModels.length > 0 && unknown.length === allowedModels.length) {
      const message = `Invalid 'models': none of them exists: ${this.named(unknown)} GET /v1/models lists those that do.`;
      throw refusal('models', message, allowedModels);
    }
  }

  /** What the operator should look at, in sentences; mostly nothing. */
  warningsOf({ allowedModels, expiresAtMs }: CheckedLimits): string[] {
    const warnings: string[] = [];
    if (expiresAtMs != null && expiresAtMs <= this.clock.nowMs()) warnings.push(`expires_at: ${EXPIRED}`);
    if (expiresAtMs != null && expiresAtMs > LATEST_MEANT_MS) {
      warnings.push('expires_at: this is after the year 9999; Unix seconds are expected, not milliseconds.');
    }
    if (allowedModels?.length === 0) warnings.push('models: an empty list allows no model at all.');
    const unknown = this.unknownOf(allowedModels ?? []);
    if (unknown.length > 0) warnings.push(`models: not known at present: ${this.named(unknown)}`);
    return warnings;
  }

  private unknownOf(ids: readonly string[]): string[] {
    // Whether there is such a chatbot is not asked: it can be made after the key.
    return ids.filter((id) => !isChatbotId(id) && this.catalogue.find(id) === undefined);
  }

  private named(unknown: readonly string[]): string {
    const known = this.catalogue.list().map(({ id }) => id);
    const named = unknown.slice(0, MOST_NAMED).map((id) => {
      const meant = nearestWord(id, known);
      return meant === undefined ? `'${id}'` : `'${id}' (did you mean '${meant}'?)`;
    });
    const more = unknown.length > MOST_NAMED ? ` and ${unknown.length - MOST_NAMED} more` : '';
    return `${named.join(', ')}${more}.`;
  }
}

const EXPIRED = 'this moment has passed, so the key is refused from the start. Unix seconds are expected.';

function refusal(field: string, message: string, input: unknown): ValidationFailedError {
  const issue: Issue = { kind: 'conflict', message, code: 'invalid_value', path: [field], input };
  return new ValidationFailedError([issue], {});
}
