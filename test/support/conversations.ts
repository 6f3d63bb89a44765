import type { ConversationItem } from '../../src/contracts/openai/conversation-item.dto.js';
import type { ConversationObject } from '../../src/contracts/openai/conversation.dto.js';
import { Database } from '../../src/persistence/database.js';
import type { Tollgate } from './tollgate.js';

export interface JsonAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** A page of OpenAI's lists. */
export interface ListPage<Entry> {
  readonly object: 'list';
  readonly data: readonly Entry[];
  readonly first_id: string | null;
  readonly last_id: string | null;
  readonly has_more: boolean;
}

/** Calls the conversations of one key's account. */
export class ConversationsClient {
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    readonly tollgate: Tollgate,
    secret = tollgate.key,
  ) {
    this.headers = { authorization: `Bearer ${secret}` };
  }

  /** @param path after `/v1`, with its slash */
  async send(method: string, path: string, body?: unknown): Promise<JsonAnswer> {
    const response = await this.tollgate.request(method, `/v1${path}`, {
      headers: { ...this.headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  async create(body: object = {}): Promise<ConversationObject> {
    return (await this.ok('POST', '/conversations', body)) as unknown as ConversationObject;
  }

  async get(id: string): Promise<ConversationObject> {
    return (await this.ok('GET', `/conversations/${id}`)) as unknown as ConversationObject;
  }

  async add(id: string, items: readonly unknown[]): Promise<ListPage<ConversationItem>> {
    return (await this.ok('POST', `/conversations/${id}/items`, {
      items,
    })) as unknown as ListPage<ConversationItem>;
  }

  /** @param query `limit=2&order=asc` */
  async page<Entry>(path: string, query = ''): Promise<ListPage<Entry>> {
    return (await this.ok('GET', `${path}?${query}`)) as unknown as ListPage<Entry>;
  }

  /** All entries, page by page; `between` runs after each page. */
  async all<Entry>(path: string, query: string, between?: () => Promise<unknown>): Promise<Entry[]> {
    const entries: Entry[] = [];
    let after = '';
    for (;;) {
      const page = await this.page<Entry>(path, `${query}${after}`);
      entries.push(...page.data);
      await between?.();
      if (!page.has_more) return entries;
      after = `&after=${page.last_id}`;
    }
  }

  private async ok(method: string, path: string, body?: unknown): Promise<Record<string, unknown>> {
    const answer = await this.send(method, path, body);
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`);
    return answer.body;
  }
}

/** As an operator sets it, for all processes that have not read the account before. */
export async function storeNothing(tollgate: Tollgate, accountId: string): Promise<void> {
  await tollgate.app
    .get(Database)
    .kysely.updateTable('accounts')
    .set({ conversation_retention_days: 0 })
    .where('id', '=', accountId)
    .execute();
}

/** The text of a message item. */
export function textOf(item: ConversationItem | undefined): string {
  const [part] = item?.type === 'message' ? item.content : [];
  return part !== undefined && 'text' in part ? part.text : '';
}
