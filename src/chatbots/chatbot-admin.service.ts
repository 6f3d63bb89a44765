import { Injectable } from '@nestjs/common';
import { AccountNotFoundError } from '../accounts/accounts.errors.js';
import { Clock } from '../common/clock/clock.js';
import { newChatbotId } from '../common/ids/ids.js';
import type { Page, PageRequest } from '../common/page.js';
import { Database } from '../persistence/database.js';
import { inTransaction } from '../persistence/transaction.js';
import { StorageQuotasService } from '../quotas/storage-quotas.service.js';
import type { Chatbot, ChatbotSettings, ChatbotVersion, ResolvedChatbot } from './chatbot.js';
import { ChatbotListsRepository } from './chatbot-lists.repository.js';
import { ChatbotRepository, type ChatbotHead } from './chatbot.repository.js';
import { ChatbotRulesService, type Manager } from './chatbot-rules.service.js';
import { changedSettings, type SettingsPatch } from './chatbot-settings.js';
import {
  ChatbotConflictError,
  ChatbotNotFoundError,
  ChatbotVersionNotFoundError,
} from './chatbots.errors.js';
import { ChatbotsService } from './chatbots.service.js';

/** How often a change is tried again that others overtook. */
const MAX_ATTEMPTS = 10;

/** What a new chatbot is. */
export interface NewChatbot {
  readonly accountId: string;
  readonly settings: ChatbotSettings;
  /** `undefined`: all of the account's. */
  readonly keyIds: readonly string[] | undefined;
  /** Not published yet. */
  readonly draft: boolean;
}

/** What to change of a chatbot. */
export interface ChatbotChanges {
  readonly settings: SettingsPatch;
  /** `undefined`: as they are; `null`: all of the account's. */
  readonly keyIds: readonly string[] | null | undefined;
  /** A new version is not published. */
  readonly draft: boolean;
}

/** What becomes of a chatbot that was read. */
interface Edit {
  readonly head: Omit<ChatbotHead, 'updatedAtMs' | 'newestVersion'>;
  /** `undefined`: no new version. */
  readonly version?: Pick<ChatbotVersion, 'settings' | 'restoredFrom'>;
}

/**
 * Makes, changes and removes chatbots, for operators and keys alike: another account's is not there. Each change holds
 * at once in this process, elsewhere within a second. `expectedRevision` `undefined`: whatever it is.
 */
@Injectable()
export class ChatbotAdminService {
  constructor(
    private readonly database: Database,
    private readonly repository: ChatbotRepository,
    private readonly lists: ChatbotListsRepository,
    private readonly rules: ChatbotRulesService,
    private readonly chatbots: ChatbotsService,
    private readonly quotas: StorageQuotasService,
    private readonly clock: Clock,
  ) {}

  /** @throws AccountNotFoundError, ValidationFailedError, ChatbotModelNotAllowedError, StorageQuotaError */
  async create(manager: Manager, { accountId, draft, ...wanted }: NewChatbot): Promise<ResolvedChatbot> {
    const settings = this.rules.settled(wanted.settings);
    this.rules.checkModels(manager, settings);
    if (wanted.keyIds !== undefined) await this.rules.checkKeys(accountId, wanted.keyIds);
    const nowMs = this.clock.nowMs();
    const chatbot: Chatbot = {
      id: newChatbotId(),
      accountId,
      keyIds: wanted.keyIds,
      newestVersion: 1,
      publishedVersion: draft ? undefined : 1,
      revision: 1,
      createdAtMs: nowMs,
      updatedAtMs: nowMs,
    };
    const version = {
      chatbotId: chatbot.id,
      version: 1,
      settings,
      restoredFrom: undefined,
      createdAtMs: nowMs,
    };
    await inTransaction(this.database.kysely, async (trx) => {
      await this.quotas.growing(trx, accountId, async (before) => {
        if (before === undefined) throw new AccountNotFoundError();
        await this.repository.insert(chatbot, trx);
        await this.repository.insertVersion(version, trx);
      });
    });
    this.chatbots.forget(accountId, chatbot.id);
    return { chatbot, version };
  }

  /**
   * With its newest version.
   * @throws ChatbotNotFoundError
   */
  async get({ accountId }: Manager, id: string): Promise<ResolvedChatbot> {
    const found = await this.repository.find(accountId, id, 'draft');
    if (found === undefined) throw new ChatbotNotFoundError();
    return found;
  }

  /**
   * Newest first, each with its newest version.
   * @param accountId of all that the manager sees, only those of this one
   */
  list(manager: Manager, accountId: string | undefined, page: PageRequest): Promise<Page<ResolvedChatbot>> {
    return this.lists.list(manager.accountId ?? accountId, page);
  }

  /**
   * Changes settings, which makes a version that is published at once unless it is a draft, and keys, which does not.
   * A change builds on the newest version, so it publishes what earlier drafts changed.
   *
   * @throws ChatbotNotFoundError, ChatbotConflictError, ValidationFailedError, ChatbotModelNotAllowedError
   */
  change(
    manager: Manager,
    id: string,
    { settings: patch, keyIds, draft }: ChatbotChanges,
    expectedRevision?: number,
  ): Promise<ResolvedChatbot> {
    return this.edit(manager, id, expectedRevision, async ({ chatbot, version }) => {
      const asked = changedSettings(version.settings, patch);
      const settings = isSame(asked, version.settings) ? version.settings : this.rules.settled(asked);
      const nextKeyIds = keyIds === undefined ? chatbot.keyIds : (keyIds ?? undefined);
      const sameKeys = isSame(nextKeyIds, chatbot.keyIds);
      if (nextKeyIds !== undefined && !sameKeys) await this.rules.checkKeys(chatbot.accountId, nextKeyIds);
      if (isSame(settings, version.settings)) {
        const { publishedVersion } = chatbot;
        return sameKeys ? undefined : { head: { keyIds: nextKeyIds, publishedVersion } };
      }
      await this.checkModels(manager, { chatbot, version }, settings, draft);
      const added = { settings, restoredFrom: undefined };
      return newVersion({ ...chatbot, keyIds: nextKeyIds }, draft, added);
    });
  }

  /**
   * Makes a version that says what an older one said; none where the newest says so already.
   * @throws ChatbotNotFoundError, ChatbotVersionNotFoundError, ChatbotConflictError, ChatbotModelNotAllowedError,
   *   ValidationFailedError where its models are gone
   */
  restore(
    manager: Manager,
    id: string,
    restoredFrom: number,
    draft: boolean,
    expectedRevision?: number,
  ): Promise<ResolvedChatbot> {
    return this.edit(manager, id, expectedRevision, async ({ chatbot, version }) => {
      const old = await this.versionOf(chatbot, restoredFrom);
      const settings = this.rules.settled(old.settings);
      if (isSame(settings, version.settings)) {
        const { keyIds, newestVersion, publishedVersion } = chatbot;
        if (draft || publishedVersion === newestVersion) return undefined;
        await this.checkPublication(manager, chatbot, settings);
        return { head: { keyIds, publishedVersion: newestVersion } };
      }
      await this.checkModels(manager, { chatbot, version }, settings, draft);
      return newVersion(chatbot, draft, { settings, restoredFrom });
    });
  }

  /**
   * Gives callers a version.
   * @param version `undefined`: the newest
   * @throws ChatbotNotFoundError, ChatbotVersionNotFoundError, ChatbotConflictError, ChatbotModelNotAllowedError
   */
  publish(
    manager: Manager,
    id: string,
    version: number | undefined,
    expectedRevision?: number,
  ): Promise<ResolvedChatbot> {
    return this.edit(manager, id, expectedRevision, async ({ chatbot }) => {
      const { keyIds, newestVersion, publishedVersion } = chatbot;
      const wanted = version ?? newestVersion;
      if (wanted === publishedVersion) return undefined;
      const { settings } = await this.versionOf(chatbot, wanted);
      await this.checkPublication(manager, chatbot, settings);
      return { head: { keyIds, publishedVersion: wanted } };
    });
  }

  /**
   * Takes a chatbot from its callers; versions stay.
   * @throws ChatbotNotFoundError, ChatbotConflictError
   */
  unpublish(manager: Manager, id: string, expectedRevision?: number): Promise<ResolvedChatbot> {
    return this.edit(manager, id, expectedRevision, ({ chatbot: { keyIds, publishedVersion } }) =>
      Promise.resolve(
        publishedVersion === undefined ? undefined : { head: { keyIds, publishedVersion: undefined } },
      ),
    );
  }

  /**
   * Removes a chatbot with its versions; what was said with it stays in its conversations.
   * @throws ChatbotNotFoundError, ChatbotConflictError
   */
  async delete(manager: Manager, id: string, expectedRevision?: number): Promise<void> {
    const accountId = await this.repository.delete(manager.accountId, id, expectedRevision);
    if (accountId === undefined) {
      const { chatbot } = await this.get(manager, id);
      throw new ChatbotConflictError(chatbot.revision);
    }
    this.chatbots.forget(accountId, id);
  }

  /**
   * Newest first.
   * @param before only versions below
   * @throws ChatbotNotFoundError
   */
  async listVersions(
    manager: Manager,
    id: string,
    limit: number,
    before: number | undefined,
  ): Promise<{ chatbot: Chatbot; page: Page<ChatbotVersion> }> {
    const { chatbot } = await this.get(manager, id);
    return { chatbot, page: await this.lists.listVersions(id, limit, before) };
  }

  /** @throws ChatbotNotFoundError, ChatbotVersionNotFoundError */
  async getVersion(manager: Manager, id: string, version: number): Promise<ResolvedChatbot> {
    const { chatbot } = await this.get(manager, id);
    return { chatbot, version: await this.versionOf(chatbot, version) };
  }

  /** Reads, decides and writes, again where somebody else wrote in between; `decide` gives nothing where all may stay. */
  private async edit(
    manager: Manager,
    id: string,
    expectedRevision: number | undefined,
    decide: (found: ResolvedChatbot) => Promise<Edit | undefined>,
  ): Promise<ResolvedChatbot> {
    for (let attempt = 1; ; attempt += 1) {
      const found = await this.get(manager, id);
      const { revision } = found.chatbot;
      if (expectedRevision !== undefined && expectedRevision !== revision) {
        throw new ChatbotConflictError(revision);
      }
      const edit = await decide(found);
      if (edit === undefined) return found;
      const saved = await this.save(found, edit);
      if (saved !== undefined) return saved;
      if (attempt === MAX_ATTEMPTS) throw new ChatbotConflictError(revision);
    }
  }

  /** @returns `undefined`: somebody else has changed it since it was read */
  private async save(found: ResolvedChatbot, { head, version }: Edit): Promise<ResolvedChatbot | undefined> {
    const { id, accountId, newestVersion, revision } = found.chatbot;
    const nowMs = this.clock.nowMs();
    const added: ChatbotVersion | undefined = version && {
      chatbotId: id,
      version: newestVersion + 1,
      ...version,
      createdAtMs: nowMs,
    };
    const next = { ...head, newestVersion: added?.version ?? newestVersion, updatedAtMs: nowMs };
    const chatbot = await inTransaction(this.database.kysely, (trx) =>
      this.quotas.growing(trx, accountId, async (before) => {
        const updated = await this.repository.update(id, revision, next, trx);
        if (updated === undefined || added === undefined) return updated;
        await this.repository.insertVersion(added, trx);
        // A version is whole settings: older ones are dropped, but for the published one.
        const kept = before?.limits.chatbotVersions ?? added.version;
        await this.repository.deleteVersions(
          id,
          added.version - Math.max(1, kept),
          next.publishedVersion,
          trx,
        );
        return updated;
      }),
    );
    this.chatbots.forget(accountId, id);
    return chatbot && { chatbot, version: added ?? found.version };
  }

  /** Of a new version. One that is published at once may have been the draft of somebody who may use more models. */
  private async checkModels(
    manager: Manager,
    { chatbot, version }: ResolvedChatbot,
    settings: ChatbotSettings,
    draft: boolean,
  ): Promise<void> {
    this.rules.checkModels(manager, settings, version.settings);
    if (!draft) await this.checkPublication(manager, chatbot, settings);
  }

  private async checkPublication(
    manager: Manager,
    { id, publishedVersion }: Chatbot,
    settings: ChatbotSettings,
  ): Promise<void> {
    const present =
      publishedVersion === undefined ? undefined : await this.repository.findVersion(id, publishedVersion);
    this.rules.checkModels(manager, settings, present?.settings);
  }

  private async versionOf(chatbot: Chatbot, version: number): Promise<ChatbotVersion> {
    const found = await this.repository.findVersion(chatbot.id, version);
    if (found === undefined) throw new ChatbotVersionNotFoundError();
    return found;
  }
}

function newVersion(
  { keyIds, newestVersion, publishedVersion }: Chatbot,
  draft: boolean,
  version: Pick<ChatbotVersion, 'settings' | 'restoredFrom'>,
): Edit {
  return { head: { keyIds, publishedVersion: draft ? publishedVersion : newestVersion + 1 }, version };
}

/** Settings are built field by field in one order, so equal ones are equal as JSON. */
function isSame(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
