import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AdminClient } from '../support/admin-client.js';
import { OpenApiJudge, type OpenApi } from '../support/openapi-document.js';
import { Tollgate } from '../support/tollgate.js';

const BASES = ['/v1/chatbots', '/api/v1/chatbots', '/api/public/v1/openai/chatbots'];
const NEW = { name: 'Support', model: 'sandbox/echo', system_prompt: 'The secret of the house is 4711.' };
const NEVER = `bot_${'0'.repeat(32)}`;

/** Every route, with a body that would be taken. */
const ROUTES = [
  ['POST', '', NEW],
  ['GET', '', undefined],
  ['GET', '/{id}', undefined],
  ['PATCH', '/{id}', { name: 'Mine' }],
  ['DELETE', '/{id}', undefined],
  ['POST', '/{id}/publish', { version: 1 }],
  ['POST', '/{id}/unpublish', {}],
  ['GET', '/{id}/versions', undefined],
  ['GET', '/{id}/versions/1', undefined],
  ['POST', '/{id}/versions/1/restore', {}],
  ['GET', '/{id}/compare?from=1&to=1', undefined],
] as const;

type Headers = Record<string, string>;

const unknown = (model: string): string =>
  `The model \`${model}\` does not exist or you do not have access to it.`;

describe('chatbots in the hands of keys', () => {
  let tollgate: Tollgate;
  let admin: AdminClient;
  let judge: OpenApiJudge;

  beforeAll(async () => {
    tollgate = await Tollgate.start();
    admin = new AdminClient(tollgate);
    const document = await (await fetch(`${tollgate.origin}/openapi.json`)).json();
    judge = new OpenApiJudge(document as OpenApi);
  });
  afterAll(() => tollgate.close());

  const manager = (fields: Record<string, unknown> = {}) => admin.key({ manage_chatbots: true, ...fields });

  async function call(method: string, path: string, headers: Headers, body?: unknown) {
    const response = await tollgate.request(method, path, {
      headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    // oxlint-disable-next-line typescript/no-explicit-any -- each test names the fields that it is about
    return { status: response.status, body: (await response.json()) as any };
  }

  const create = async (headers: Headers, fields: Record<string, unknown> = {}, base = '/v1/chatbots') => {
    const { status, body } = await call('POST', base, headers, { ...NEW, ...fields });
    expect(status).toBe(200);
    return body;
  };

  const chat = async (headers: Headers, model: string, metadata?: Record<string, string>) => {
    const messages = [{ role: 'user', content: 'hi' }];
    const { status, body } = await call('POST', '/v1/chat/completions', headers, {
      model,
      messages,
      metadata,
    });
    return { status, said: body.choices?.[0]?.message.content as string | undefined, error: body.error };
  };

  describe.each(BASES)('at %s', (base) => {
    it('answers every route as it is published', async () => {
      const { headers, accountId } = await manager();
      const { id, ...made } = await create(headers, {}, base);
      expect(made).toMatchObject({ ...NEW, account_id: accountId, version: 1, published_version: 1 });
      const answers: Record<string, unknown> = {};
      for (const [method, route, body] of ROUTES.filter(([verb]) => verb !== 'DELETE')) {
        const answer = await call(method, base + route.replace('{id}', id), headers, body);
        expect([route, answer.status]).toEqual([route, 200]);
        const [path = ''] = route.replace('versions/1', 'versions/{version}').split('?');
        const operation = judge.operation(method, base + path);
        const faults = judge.faultsOf(operation, 200, 'application/json', answer.body);
        expect([route, faults]).toEqual([route, []]);
        answers[`${method} ${route}`] = answer.body.object;
      }
      expect(answers).toEqual({
        'POST ': 'chatbot',
        'GET ': 'list',
        'GET /{id}': 'chatbot',
        'PATCH /{id}': 'chatbot',
        'POST /{id}/publish': 'chatbot',
        'POST /{id}/unpublish': 'chatbot',
        'GET /{id}/versions': 'list',
        'GET /{id}/versions/1': 'chatbot.version',
        'POST /{id}/versions/1/restore': 'chatbot',
        'GET /{id}/compare?from=1&to=1': 'chatbot.comparison',
      });
      const gone = await call('DELETE', `${base}/${id}`, headers);
      expect(
        judge.faultsOf(judge.operation('DELETE', `${base}/{id}`), 200, 'application/json', gone.body),
      ).toEqual([]);
      expect((await call('GET', `${base}/${id}`, headers)).status).toBe(404);
    });

    it('shows operators the same, and shows what operators made', async () => {
      const { headers, accountId } = await manager();
      const mine = await create(headers, {}, base);
      expect((await admin.get(`/chatbots/${mine.id}`)).body).toEqual(mine);
      const { body: theirs } = await admin.post('/chatbots', { account_id: accountId, ...NEW });
      expect((await call('GET', `${base}/${theirs.id}`, headers)).body).toEqual(theirs);
      const { body } = await call('GET', base, headers);
      expect(body.data).toHaveLength(2);
      expect(body.data).toEqual(expect.arrayContaining([mine, theirs]));
    });

    it('S33: is closed to keys that may not manage chatbots, and says who can open it', async () => {
      const { headers, accountId } = await admin.key();
      const { body: bot } = await admin.post('/chatbots', { account_id: accountId, ...NEW });
      for (const [method, route, body] of ROUTES) {
        for (const id of [bot.id, NEVER]) {
          // What is sent is not even looked at.
          const answer = await call(method, base + route.replace('{id}', id), headers, body && { name: 7 });
          expect([method, route, answer.status]).toEqual([method, route, 403]);
          expect(answer.body.error.message).toContain('manage_chatbots');
          expect(JSON.stringify(answer.body)).not.toContain('4711');
        }
      }
      expect((await admin.get(`/chatbots/${bot.id}`)).body).toEqual(bot);
    });

    it('S33: a chatbot of another account is not to be told from one that never was', async () => {
      const [mine, theirs] = [await manager(), await manager()];
      const { id } = await create(theirs.headers);
      for (const [method, route, body] of ROUTES.filter(([, path]) => path !== '')) {
        const theirsIs = await call(method, base + route.replace('{id}', id), mine.headers, body);
        const neverWas = await call(method, base + route.replace('{id}', NEVER), mine.headers, body);
        expect([method, route, theirsIs.status]).toEqual([method, route, 404]);
        expect(theirsIs).toEqual(neverWas);
      }
      expect((await call('GET', base, mine.headers)).body.data).toEqual([]);
      expect((await call('GET', `${base}/${id}`, theirs.headers)).body).toMatchObject({
        ...NEW,
        revision: 1,
      });
    });

    it('takes and publishes If-Match with everything that changes a chatbot', async () => {
      const { headers } = await manager();
      const { id } = await create(headers, {}, base);
      for (const [method, route, body] of ROUTES.filter(([verb, path]) => verb !== 'GET' && path !== '')) {
        const path = base + route.replace('{id}', id);
        const late = await call(method, path, { ...headers, 'if-match': '"7"' }, body);
        expect([method, route, late.status, late.body.error.code]).toEqual([method, route, 409, 'conflict']);
        const operation = judge.operation(method, base + route.replace('versions/1', 'versions/{version}'));
        expect(operation.parameters).toContainEqual(
          expect.objectContaining({ in: 'header', name: 'if-match', required: false }),
        );
      }
      const current = { ...headers, 'if-match': '"1"' };
      expect((await call('DELETE', `${base}/${id}`, current)).status).toBe(200);
    });

    it('S35: no field and no parameter makes it another account', async () => {
      const [mine, theirs] = [await manager(), await manager()];
      await create(theirs.headers);
      const { id } = await create(mine.headers, { account_id: theirs.accountId }, base);
      await call('PATCH', `${base}/${id}`, mine.headers, { account_id: theirs.accountId });
      expect((await admin.get(`/chatbots/${id}`)).body.account_id).toBe(mine.accountId);
      const { body } = await call('GET', `${base}?account_id=${theirs.accountId}`, mine.headers);
      expect(body.data.map((bot: { id: string }) => bot.id)).toEqual([id]);
    });

    it('needs a key', async () => {
      for (const [method, route, body] of ROUTES) {
        const answer = await call(
          method,
          base + route.replace('{id}', NEVER),
          { authorization: 'Bearer x' },
          body,
        );
        expect(answer.status).toBe(401);
      }
    });
  });

  it.each([
    ['/v1/chatbots', 400, "Invalid type for 'temperature': expected a decimal, but got a string instead."],
    ['/api/v1/chatbots', 400, undefined],
    ['/api/public/v1/openai/chatbots', 422, [expect.objectContaining({ loc: ['body', 'temperature'] })]],
  ])('refuses what is wrong in the dialect of %s', async (base, status, detail) => {
    const { headers } = await manager();
    const { body, ...answer } = await call('POST', base, headers, { ...NEW, temperature: 'hot' });
    expect([answer.status, body.error.param, body.detail]).toEqual([status, 'temperature', detail]);
  });

  it.each([
    ['/v1/chatbots', 400],
    ['/api/v1/chatbots', 400],
    ['/api/public/v1/openai/chatbots', 422],
  ])('refuses null for what has no default in the dialect of %s', async (base, status) => {
    const { headers } = await manager();
    const { id } = await create(headers);
    for (const field of ['name', 'model']) {
      const answer = await call('PATCH', `${base}/${id}`, headers, { [field]: null });
      expect([answer.status, answer.body.error.param]).toEqual([status, field]);
    }
  });

  it('lets a key set keys of its own account, itself among them, and no others', async () => {
    const { headers, accountId, id: own } = await manager();
    const { id: sibling } = await admin.key({ account_id: accountId });
    const { id: stranger } = await admin.key();
    const { id, keys } = await create(headers, { keys: [own, sibling] });
    expect(keys).toEqual([own, sibling]);
    const stolen = await call('PATCH', `/v1/chatbots/${id}`, headers, { keys: [stranger] });
    const invented = await call('PATCH', `/v1/chatbots/${id}`, headers, { keys: ['key_none'] });
    expect([stolen.status, stolen.body.error]).toEqual([400, invented.body.error]);
  });

  it('a key with a list of models puts no other behind a chatbot, and may change the rest', async () => {
    const { headers: open, accountId } = await manager();
    const dear = await create(open, { model: 'sandbox/chat' });
    const key = { account_id: accountId, models: ['sandbox/echo', dear.id] };
    const { headers } = await manager(key);
    const summary = { memory: { policy: 'summary', model: 'sandbox/chat' } };
    for (const fields of [{ model: 'sandbox/chat' }, summary]) {
      const refused = await call('POST', '/v1/chatbots', headers, { ...NEW, ...fields });
      expect([refused.status, refused.body.error.code]).toEqual([403, 'model_not_allowed']);
      const cheap = await create(headers);
      const changed = await call('PATCH', `/v1/chatbots/${cheap.id}`, headers, fields);
      expect([changed.status, changed.body.error.code]).toEqual([403, 'model_not_allowed']);
    }
    // It may call that chatbot, so it may keep the model that is there.
    expect((await call('PATCH', `/v1/chatbots/${dear.id}`, headers, { name: 'Mine' })).status).toBe(200);
    expect(
      (await call('PATCH', `/v1/chatbots/${dear.id}`, headers, { model: 'sandbox/reasoner' })).status,
    ).toBe(403);
  });

  it('nor does it bring one back from an older version or out of a draft', async () => {
    const { headers: open, accountId } = await manager();
    const { headers } = await manager({ account_id: accountId, models: ['sandbox/echo'] });
    const summary = { memory: { policy: 'summary', model: 'sandbox/chat' } };
    for (const dear of [{ model: 'sandbox/chat' }, summary]) {
      const { id } = await create(open, dear);
      const path = `/v1/chatbots/${id}`;
      const refused = async (method: string, suffix: string, body: unknown) => {
        const { status, body: answer } = await call(method, path + suffix, headers, body);
        expect([status, answer.error?.code, answer.error?.param]).toEqual([
          403,
          'model_not_allowed',
          'model',
        ]);
      };
      await call('PATCH', path, open, { model: 'sandbox/echo', memory: null });
      for (const draft of [true, false]) await refused('POST', '/versions/1/restore', { draft });
      await refused('POST', '/publish', { version: 1 });
      await call('PATCH', path, open, { ...dear, draft: true });
      await refused('POST', '/publish', {});
      // A change builds on the draft, so it would publish the draft's model.
      await refused('PATCH', '', { name: 'Mine' });
      await refused('POST', '/versions/1/restore', {});
      expect((await call('PATCH', path, headers, { name: 'Mine', draft: true })).status).toBe(200);
      expect((await call('POST', `${path}/versions/2/restore`, headers, {})).status).toBe(200);
      expect((await call('GET', path, open)).body).toMatchObject({
        model: 'sandbox/echo',
        published_version: 5,
      });
      // What callers get already may stay, in another version as well.
      for (const version of [1, 4]) {
        expect((await call('POST', `${path}/publish`, open, { version: 1 })).status).toBe(200);
        expect((await call('POST', `${path}/publish`, headers, { version })).status).toBe(200);
      }
      await call('POST', `${path}/unpublish`, headers);
      await refused('POST', '/publish', { version: 1 });
    }
  });

  it('the key of the first boot may manage them', async () => {
    const { id } = await create({});
    expect((await call('GET', `/v1/chatbots/${id}`, {})).status).toBe(200);
  });

  it('a right that is taken away or given holds from the next request on', async () => {
    const { headers, id } = await admin.key();
    expect((await call('GET', '/v1/chatbots', headers)).status).toBe(403);
    await admin.patch(`/keys/${id}`, { manage_chatbots: true });
    expect((await call('GET', '/v1/chatbots', headers)).status).toBe(200);
    await admin.patch(`/keys/${id}`, { manage_chatbots: null });
    expect((await call('GET', '/v1/chatbots', headers)).status).toBe(403);
  });

  describe('what callers get', () => {
    it('is what is published, from the next request on; drafts and versions are for managers', async () => {
      const { headers, accountId } = await manager();
      const { headers: caller } = await admin.key({ account_id: accountId });
      const { id } = await create(headers, { system_prompt: '{{one}}', draft: true });
      const path = `/v1/chatbots/${id}`;
      // A variable without a value is refused by its name: that tells which version answered.
      const asks = async (who: Headers, model: string) => (await chat(who, model)).error?.message as string;
      expect(await asks(caller, id)).toBe(unknown(id));
      expect(await asks(headers, id)).toContain('not published');
      expect(await asks(headers, `${id}@draft`)).toContain("'one'");
      await call('POST', `${path}/publish`, headers);
      expect(await asks(caller, id)).toContain("'one'");
      await call('PATCH', path, headers, { system_prompt: '{{two}}' });
      expect(await asks(caller, id)).toContain("'two'");
      await call('PATCH', path, headers, { system_prompt: '{{three}}', draft: true });
      expect(await asks(caller, id)).toContain("'two'");
      for (const name of [`${id}@1`, `${id}@draft`]) expect(await asks(caller, name)).toBe(unknown(name));
      expect(await asks(headers, `${id}@1`)).toContain("'one'");
      expect(await asks(headers, `${id}@draft`)).toContain("'three'");
      expect(await asks(headers, `${id}@4`)).toBe(unknown(`${id}@4`));
      await call('POST', `${path}/unpublish`, headers);
      expect(await asks(caller, id)).toBe(unknown(id));
      await call('POST', `${path}/publish`, headers, { version: 1 });
      expect(await asks(caller, id)).toContain("'one'");
      expect((await chat(caller, id, { one: '1' })).status).toBe(200);
      await call('DELETE', path, headers);
      expect(await asks(caller, id)).toBe(unknown(id));
    });

    it('ends and begins with the keys that it names', async () => {
      const { headers, accountId } = await manager();
      const { headers: caller, id: callerId } = await admin.key({ account_id: accountId });
      const { id } = await create(headers);
      expect((await chat(caller, id)).status).toBe(200);
      await call('PATCH', `/v1/chatbots/${id}`, headers, { keys: [] });
      expect((await chat(caller, id)).error).toMatchObject({ code: 'model_not_allowed', param: 'model' });
      await call('PATCH', `/v1/chatbots/${id}`, headers, { keys: [callerId] });
      expect((await chat(caller, id)).status).toBe(200);
      expect((await chat(headers, id)).status).toBe(403);
    });
  });
});
