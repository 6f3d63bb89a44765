import { ADMIN_KEY, type Tollgate } from './tollgate.js';

/** What an admin route answered. */
export interface AdminAnswer {
  readonly status: number;
  readonly headers: Headers;
  // oxlint-disable-next-line typescript/no-explicit-any -- each test names the fields that it is about; a wrong guess fails it
  readonly body: any;
}

/** Calls `/admin/v1` with the operator's key. */
export class AdminClient {
  constructor(private readonly tollgate: Tollgate) {}

  get(path: string): Promise<AdminAnswer> {
    return this.request('GET', path);
  }

  post(path: string, body: unknown = {}, headers: Record<string, string> = {}): Promise<AdminAnswer> {
    return this.request('POST', path, body, headers);
  }

  patch(path: string, body: unknown, headers: Record<string, string> = {}): Promise<AdminAnswer> {
    return this.request('PATCH', path, body, headers);
  }

  delete(path: string, body?: unknown, headers: Record<string, string> = {}): Promise<AdminAnswer> {
    return this.request('DELETE', path, body, headers);
  }

  /** A new account with so many credits. */
  async account(credits = 1_000): Promise<string> {
    const { body } = await this.post('/accounts', { name: 'test' });
    if (credits > 0) await this.post(`/accounts/${body.id}/credits`, { amount: credits });
    return body.id;
  }

  /** A new key, of a new account unless `fields` names one; `headers` authorize calls with it. */
  async key(fields: Record<string, unknown> = {}) {
    const account_id = fields['account_id'] ?? (await this.account());
    const { body } = await this.post('/keys', { name: 'test', account_id, ...fields });
    return {
      id: body.id as string,
      accountId: body.account_id as string,
      secret: body.key as string,
      headers: { authorization: `Bearer ${body.key}` },
    };
  }

  async request(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<AdminAnswer> {
    const response = await this.tollgate.request(method, `/admin/v1${path}`, {
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        authorization: `Bearer ${ADMIN_KEY}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
    });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }
}
