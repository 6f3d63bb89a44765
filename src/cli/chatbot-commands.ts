import type { Command, CommandArguments } from './command.js';
import { account, at, clear, PAGE, showRecord, showRows, withCleared } from './command-parts.js';
import type { Json } from './json.js';
import { flag, jsonFile, list, number, text, whole, type Option } from './option.js';
import { renderRecord, renderText } from './render.js';

const FIELDS = {
  name: text({ field: 'name', value: '<name>', description: 'for people' }),
  model: text({ field: 'model', value: '<id>', description: 'the model behind it' }),
  description: text({ field: 'description', value: '<text>', description: 'shown in the list of models' }),
  'system-prompt': text({ field: 'system_prompt', value: '<text>', description: 'with {{variables}}' }),
  temperature: number({ field: 'temperature', description: '0 to 2 (0.7)' }),
  'max-tokens': whole({ field: 'max_tokens', description: 'most tokens of an answer (4096)' }),
  keys: list({
    field: 'keys',
    value: '<a,b>',
    description: 'ids of the keys that may use it; "" is none (all)',
  }),
  draft: flag({ field: 'draft', description: 'keep the new version from callers (false)' }),
  file: jsonFile({
    field: 'file',
    description: 'a JSON object with any fields of a chatbot; options win over it',
  }),
} satisfies Record<string, Option>;

/** What a chatbot goes without, or has a default for, by its name on the wire. */
export const CLEARABLE = [
  'description',
  'system_prompt',
  'variables',
  'temperature',
  'top_p',
  'max_tokens',
  'stop',
  'presence_penalty',
  'frequency_penalty',
  'seed',
  'reasoning_effort',
  'verbosity',
  'tools',
  'tool_choice',
  'response_format',
  'memory',
  'overrides',
  'accepts_instructions',
  'keys',
] as const;

const REVISION = {
  revision: whole({ field: 'revision', description: 'change only if it still has this revision' }),
} satisfies Record<string, Option>;

const COLUMNS = ['id', 'account_id', 'name', 'model', 'version', 'published_version', 'updated'];
const VERSION_COLUMNS = ['version', 'published', 'restored_from', 'name', 'model', 'created'];
const CHANGE_COLUMNS = ['field', 'from', 'to'];

/** What the tool can do with chatbots. */
export const CHATBOT_COMMANDS: readonly Command[] = [
  {
    name: 'chatbots create',
    summary: 'Make a chatbot',
    positionals: [],
    options: { account: account('whose it is'), ...FIELDS },
    request: ({ fields }) => ({ method: 'POST', path: '/chatbots', body: withFile(fields) }),
    show: showChatbot,
  },
  {
    name: 'chatbots list',
    summary: 'List chatbots, newest first',
    positionals: [],
    options: { account: account('only chatbots of this account'), ...PAGE },
    request: ({ fields }) => ({ method: 'GET', path: '/chatbots', query: fields }),
    show: showRows(COLUMNS),
  },
  {
    name: 'chatbots show',
    summary: 'Show a chatbot with its newest version',
    positionals: ['chatbot-id'],
    options: {},
    request: (given) => ({ method: 'GET', path: at('/chatbots')(given) }),
    show: showChatbot,
  },
  {
    name: 'chatbots change',
    summary: 'Change a chatbot, which makes a new version; what is not named stays',
    positionals: ['chatbot-id'],
    options: {
      ...FIELDS,
      keys: {
        ...FIELDS.keys,
        description: 'ids of the keys that may use it; "" is none, and --clear keys lets in all',
      },
      clear: clear(
        'fields to bring back to their defaults, by their names on the wire (tools,max_tokens)',
        CLEARABLE,
      ),
      ...REVISION,
    },
    guards: ['revision'],
    request: (given) => ({
      method: 'PATCH',
      path: at('/chatbots')(given),
      body: withCleared(withFile(given.fields)),
    }),
    show: showChatbot,
  },
  {
    name: 'chatbots publish',
    summary: 'Give callers a version of a chatbot',
    positionals: ['chatbot-id'],
    options: { version: whole({ field: 'version', description: 'which (the newest)' }), ...REVISION },
    request: (given) => ({ method: 'POST', path: at('/chatbots', '/publish')(given), body: given.fields }),
    show: showChatbot,
  },
  {
    name: 'chatbots unpublish',
    summary: 'Take a chatbot from its callers',
    positionals: ['chatbot-id'],
    options: REVISION,
    request: (given) => ({ method: 'POST', path: at('/chatbots', '/unpublish')(given), body: given.fields }),
    show: showChatbot,
  },
  {
    name: 'chatbots versions',
    summary: 'List the versions of a chatbot, newest first',
    positionals: ['chatbot-id'],
    options: PAGE,
    request: (given) => ({ method: 'GET', path: at('/chatbots', '/versions')(given), query: given.fields }),
    show: showRows(VERSION_COLUMNS),
  },
  {
    name: 'chatbots compare',
    summary: 'Tell what differs between two versions',
    positionals: ['chatbot-id', 'from', 'to'],
    options: {},
    request: ({ positionals: [id = '', from, to] }) => ({
      method: 'GET',
      path: `/chatbots/${encodeURIComponent(id)}/compare`,
      query: { from, to },
    }),
    show: (answer) => showRows(CHANGE_COLUMNS)({ data: answer['changes'] }),
  },
  {
    name: 'chatbots restore',
    summary: 'Make a new version that says what an older one says',
    positionals: ['chatbot-id', 'version'],
    options: { draft: FIELDS.draft, ...REVISION },
    request: (given) => ({ method: 'POST', path: restorePath(given), body: given.fields }),
    show: showChatbot,
  },
  {
    name: 'chatbots delete',
    summary: 'Delete a chatbot with its versions; its conversations stay',
    positionals: ['chatbot-id'],
    options: {
      revision: whole({ field: 'revision', description: 'delete only if it still has this revision' }),
    },
    request: (given) => ({ method: 'DELETE', path: at('/chatbots')(given), body: given.fields }),
    show: showRecord,
  },
];

function withFile({ file = {}, ...fields }: Json): Json {
  return { ...(file as Json), ...fields };
}

function restorePath({ positionals: [id = '', version = ''] }: CommandArguments): string {
  return `/chatbots/${encodeURIComponent(id)}/versions/${encodeURIComponent(version)}/restore`;
}

function showChatbot(answer: Json): string {
  const prompt = String(answer['system_prompt'] ?? '');
  const record = renderRecord({ ...answer, keys: answer['keys'] ?? 'all' }, ['object', 'system_prompt']);
  return prompt === '' ? record : `${record}\n\nSystem prompt\n\n${renderText(prompt)}`;
}
