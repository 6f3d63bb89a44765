import { Injectable } from '@nestjs/common';
import { ApiKeyRepository } from '../accounts/api-key.repository.js';
import { isChatbotId } from '../common/ids/chatbot-id.js';
import type { MemoryPolicy } from '../common/memory-policy.js';
import type { Issue, Path } from '../contracts/validation/issue.js';
import { checkToolChoice } from '../contracts/validation/tools.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { CatalogueService } from '../models/catalogue.service.js';
import { isPriced } from '../models/model.js';
import type { ChatbotSettings } from './chatbot.js';
import { ChatbotModelNotAllowedError } from './chatbots.errors.js';

/** Who manages chatbots: an operator those of all accounts, a key those of its own. */
export interface Manager {
  /** `undefined`: all. */
  readonly accountId: string | undefined;
  /** Models that may be put behind a chatbot; `null`: all. */
  readonly allowedModels: readonly string[] | null;
}

export const OPERATOR: Manager = { accountId: undefined, allowedModels: null };

/** What a chatbot must be besides well-formed. */
@Injectable()
export class ChatbotRulesService {
  constructor(
    private readonly catalogue: CatalogueService,
    private readonly keys: ApiKeyRepository,
  ) {}

  /**
   * Settings as they are stored: models under their own ids.
   * @throws ValidationFailedError for models that cannot be called and a tool choice without its tools
   */
  settled(settings: ChatbotSettings): ChatbotSettings {
    const issues: Issue[] = [];
    const model = this.modelId(settings.model, ['model'], issues);
    const { toolChoice } = settings;
    const memory = this.settledMemory(settings.memory, issues);
    if (toolChoice !== undefined) {
      checkToolChoice(toolChoice, settings.tools, ['tool_choice'], (issue) => issues.push(issue));
    }
    const [first, ...others] = issues;
    if (first !== undefined) throw new ValidationFailedError([first, ...others], {});
    return { ...settings, model, memory };
  }

  /**
   * A key with a list of models puts no other model behind a chatbot: it could use that one through a chatbot that is
   * on its list. What was there `before` may stay.
   * @throws ChatbotModelNotAllowedError
   */
  checkModels({ allowedModels }: Manager, settings: ChatbotSettings, before?: ChatbotSettings): void {
    if (allowedModels === null) return;
    const present = before === undefined ? [] : modelsOf(before);
    for (const id of modelsOf(settings)) {
      if (present.includes(id)) continue;
      const model = this.catalogue.find(id);
      if (model === undefined || !this.catalogue.permits(allowedModels, model)) {
        throw new ChatbotModelNotAllowedError();
      }
    }
  }

  /** @throws ValidationFailedError for an id that is no key of the account */
  async checkKeys(accountId: string, keyIds: readonly string[]): Promise<void> {
    const known = await this.keys.findIds(accountId, keyIds);
    const index = keyIds.findIndex((id) => !known.has(id));
    if (index === -1) return;
    const message = `Invalid 'keys[${index}]': the account has no such API key.`;
    throw invalidValue(message, ['keys', index], keyIds[index]);
  }

  private settledMemory(memory: MemoryPolicy, issues: Issue[]): MemoryPolicy {
    if (memory.kind !== 'summary' || memory.model === undefined) return memory;
    return { ...memory, model: this.modelId(memory.model, ['memory', 'model'], issues) };
  }

  private modelId(id: string, path: Path, issues: Issue[]): string {
    const model = isChatbotId(id) ? undefined : this.catalogue.find(id);
    if (model !== undefined && isPriced(model)) return model.id;
    const field = path.join('.');
    const message = isChatbotId(id)
      ? `Invalid '${field}': a chatbot cannot stand behind another one.`
      : `Invalid '${field}': expected the id of a model that can be called, as in the list of models.`;
    issues.push({ kind: 'conflict', message, code: 'invalid_value', path, input: id });
    return id;
  }
}

/** A refusal in words of its own. */
export function invalidValue(message: string, path: Path, input: unknown): ValidationFailedError {
  return new ValidationFailedError([{ kind: 'conflict', message, code: 'invalid_value', path, input }], {});
}

function modelsOf({ model, memory }: ChatbotSettings): string[] {
  const summary = memory.kind === 'summary' ? memory.model : undefined;
  return summary === undefined ? [model] : [model, summary];
}
