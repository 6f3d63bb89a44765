import { ADMIN_KEY_COMMANDS } from './admin-key-commands.js';
import { CHATBOT_COMMANDS } from './chatbot-commands.js';
import type { Command } from './command.js';
import { account, at, clear, PAGE, showRecord, showRows, withCleared } from './command-parts.js';
import type { Json } from './json.js';
import { CONFIG_COMMANDS } from './config-commands.js';
import { choice, credits, flag, list, text, time, whole, type Option } from './option.js';
import { renderList, renderRecord } from './render.js';

const KEY_LIMITS = {
  rpm: whole({ field: 'rpm', description: 'requests a minute' }),
  tpm: whole({ field: 'tpm', description: 'tokens a minute' }),
  'max-concurrency': whole({ field: 'max_concurrency', description: 'requests under way at a time' }),
  models: list({ field: 'models', value: '<a,b>', description: 'models that it may use (all)' }),
  budget: credits({ field: 'budget', description: 'credits that it may spend in each period' }),
  'budget-period': choice(
    { field: 'budget_period', description: 'when the budget begins anew (total: never)' },
    'day',
    'week',
    'month',
    'total',
  ),
  expires: time({ field: 'expires_at', description: 'when it ends' }),
  'allowed-ips': list({ field: 'allowed_ips', value: '<a,b>', description: 'addresses and networks (all)' }),
  'manage-chatbots': flag({
    field: 'manage_chatbots',
    description: 'whether it may read and change chatbots, system prompts included (false)',
  }),
  'read-conversations': flag({
    field: 'read_conversations',
    description: 'whether it may list, read, change and delete conversations (true)',
  }),
} satisfies Record<string, Option>;

const RETENTION = {
  'conversation-retention-days': whole({
    field: 'conversation_retention_days',
    description:
      'days that conversations are kept after their last turn or added item; 0: none are (until deleted)',
  }),
} satisfies Record<string, Option>;

const STORAGE = {
  'max-stored-bytes': whole({
    field: 'max_stored_bytes',
    description: 'bytes of conversations, stored completions and chatbots',
  }),
  'max-conversations': whole({ field: 'max_conversations', description: 'conversations' }),
  'max-stored-completions': whole({ field: 'max_stored_completions', description: 'stored completions' }),
  'max-chatbots': whole({ field: 'max_chatbots', description: 'chatbots' }),
  'max-chatbot-versions': whole({
    field: 'max_chatbot_versions',
    description: 'versions of each chatbot, of which older ones are dropped',
  }),
  'max-kept-answer-bytes': whole({
    field: 'max_kept_answer_bytes',
    description: 'bytes of answers that are kept for their Idempotency-Key',
  }),
} satisfies Record<string, Option>;

const VERSION = {
  version: whole({ field: 'version', description: 'change only if it still has this version' }),
} satisfies Record<string, Option>;

const ACCOUNT_COLUMNS = ['id', 'name', 'status', 'balance', 'held', 'available', 'created'];
const KEY_COLUMNS = ['id', 'account_id', 'name', 'prefix', 'status', 'rpm', 'tpm', 'budget', 'budget_spent'];
const LEDGER_COLUMNS = ['created', 'type', 'amount', 'account_id', 'request_id', 'reason', 'id'];
const USAGE_COLUMNS = [
  'requests',
  'prompt_tokens',
  'completion_tokens',
  'total_tokens',
  'cost_usd',
  'credits',
];

/** What the tool can do, in the order of its help. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'accounts create',
    summary: 'Make an account',
    positionals: [],
    options: {
      name: text({ field: 'name', value: '<name>', description: 'for people', required: true }),
      ...RETENTION,
    },
    request: ({ fields }) => ({ method: 'POST', path: '/accounts', body: fields }),
    show: showRecord,
  },
  {
    name: 'accounts list',
    summary: 'List accounts with their credits, newest first',
    positionals: [],
    options: PAGE,
    request: ({ fields }) => ({ method: 'GET', path: '/accounts', query: fields }),
    show: showRows(ACCOUNT_COLUMNS),
  },
  {
    name: 'accounts show',
    summary: 'Show an account and its credits',
    positionals: ['account-id'],
    options: {},
    request: (given) => ({ method: 'GET', path: at('/accounts')(given) }),
    show: showRecord,
  },
  {
    name: 'accounts change',
    summary: 'Rename, suspend or reactivate an account; what is not named stays',
    positionals: ['account-id'],
    options: {
      name: text({ field: 'name', value: '<name>', description: 'for people' }),
      status: choice(
        { field: 'status', description: 'a suspended account has no working keys' },
        'active',
        'suspended',
      ),
      ...RETENTION,
      ...STORAGE,
      clear: clear(
        'fields to take away: conversation_retention_days, and limits that the default is to replace (max_stored_bytes)',
        [...fieldsOf(RETENTION), ...fieldsOf(STORAGE)],
      ),
      ...VERSION,
    },
    guards: fieldsOf(VERSION),
    request: (given) => ({ method: 'PATCH', path: at('/accounts')(given), body: withCleared(given.fields) }),
    show: showRecord,
  },
  {
    name: 'accounts erase-conversations',
    summary: 'Erase all conversations and stored completions of an account, for good',
    positionals: ['account-id'],
    options: {},
    request: (given) => ({ method: 'DELETE', path: at('/accounts', '/conversations')(given) }),
    show: showRecord,
  },
  {
    name: 'credits add',
    summary: 'Add credits to an account, or take some back (--amount -5)',
    positionals: ['account-id'],
    options: {
      amount: credits({ field: 'amount', description: 'negative takes back', required: true }),
      reason: text({ field: 'reason', value: '<text>', description: 'kept with the entry' }),
      type: choice(
        { field: 'type', description: 'kind of entry (purchase; correction where negative)' },
        'grant',
        'purchase',
        'correction',
      ),
      'idempotency-key': text({
        field: 'idempotency_key',
        value: '<text>',
        description: 'the same twice adds once',
      }),
    },
    request: (given) => {
      const { idempotency_key: idempotencyKey, ...body } = given.fields;
      const path = at('/accounts', '/credits')(given);
      return { method: 'POST', path, body, idempotencyKey: idempotencyKey as string | undefined };
    },
    show: showRecord,
  },
  {
    name: 'keys create',
    summary: 'Make an API key; its secret is shown this once',
    positionals: [],
    options: {
      account: account('who pays', true),
      name: text({ field: 'name', value: '<name>', description: 'for people (key)', fallback: 'key' }),
      ...KEY_LIMITS,
    },
    request: ({ fields }) => ({ method: 'POST', path: '/keys', body: fields }),
    show: showSecret,
  },
  {
    name: 'keys list',
    summary: 'List keys, newest first',
    positionals: [],
    options: { account: account('only keys of this account'), ...PAGE },
    request: ({ fields }) => ({ method: 'GET', path: '/keys', query: fields }),
    show: showRows(KEY_COLUMNS),
  },
  {
    name: 'keys show',
    summary: 'Show a key, its limits and what is used of its budget',
    positionals: ['key-id'],
    options: {},
    request: (given) => ({ method: 'GET', path: at('/keys')(given) }),
    show: showRecord,
  },
  {
    name: 'keys change',
    summary: 'Change what a key may; what is not named stays',
    positionals: ['key-id'],
    options: {
      name: text({ field: 'name', value: '<name>', description: 'for people' }),
      ...KEY_LIMITS,
      clear: clear('limits to take away, by their names on the wire (rpm,expires_at)', fieldsOf(KEY_LIMITS)),
      ...VERSION,
    },
    guards: fieldsOf(VERSION),
    request: (given) => ({ method: 'PATCH', path: at('/keys')(given), body: withCleared(given.fields) }),
    show: showRecord,
  },
  {
    name: 'keys revoke',
    summary: 'End a key for good',
    positionals: ['key-id'],
    options: {},
    request: (given) => ({ method: 'DELETE', path: at('/keys')(given) }),
    show: showRecord,
  },
  {
    name: 'keys rotate',
    summary: 'Give a key another secret, which is shown this once',
    positionals: ['key-id'],
    options: {
      'overlap-seconds': whole({
        field: 'overlap_seconds',
        description: 'how long the present secret works on (0)',
      }),
    },
    request: (given) => ({ method: 'POST', path: at('/keys', '/rotate')(given), body: given.fields }),
    show: showSecret,
  },
  ...CHATBOT_COMMANDS,
  {
    name: 'ledger list',
    summary: 'List what was posted and charged, newest first',
    positionals: [],
    options: {
      account: account('only this account'),
      key: text({ field: 'key_id', value: '<id>', description: "only this key's requests" }),
      request: text({ field: 'request_id', value: '<id>', description: 'only this request' }),
      ...PAGE,
    },
    request: ({ fields }) => ({ method: 'GET', path: '/ledger', query: fields }),
    show: showRows(LEDGER_COLUMNS),
  },
  {
    name: 'ledger verify',
    summary: 'Recompute every sum of the ledger; ends with 1 where one differs',
    positionals: [],
    options: {},
    request: () => ({ method: 'GET', path: '/ledger/verify' }),
    show: (answer) =>
      answer['ok'] === true ? 'The ledger is right: every sum agrees.' : renderRecord(answer),
    isGood: (answer) => answer['ok'] === true,
  },
  {
    name: 'usage',
    summary: 'Sum up requests, tokens and credits',
    positionals: [],
    options: {
      account: account('only this account'),
      from: time({ field: 'from', description: 'start (30 days before the end)' }),
      to: time({ field: 'to', description: 'end, not included (now)' }),
      'group-by': choice({ field: 'group_by', description: 'one row each (day)' }, 'day', 'model', 'key'),
      ...PAGE,
    },
    request: ({ fields }) => ({ method: 'GET', path: '/usage', query: fields }),
    show: (answer) => {
      const [first = {}] = answer['data'] as readonly Json[];
      const group = ['day', 'model', 'key_id'].filter((name) => name in first);
      return renderList([...group, ...USAGE_COLUMNS], answer);
    },
  },
  {
    name: 'requests show',
    summary: 'Tell the whole story of a request',
    positionals: ['request-id'],
    options: {},
    request: (given) => ({ method: 'GET', path: at('/requests')(given) }),
    show: showRecord,
  },
  ...ADMIN_KEY_COMMANDS,
  ...CONFIG_COMMANDS,
];

function showSecret(answer: Json): string {
  return `${renderRecord(answer, ['object', 'key'])}\n\nSecret (shown this once):\n\n  ${String(answer['key'])}`;
}

function fieldsOf(options: Readonly<Record<string, Option>>): string[] {
  return Object.values(options).map(({ field }) => field);
}
