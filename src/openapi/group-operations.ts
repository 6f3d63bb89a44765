import type { OpenAPIObject } from '@nestjs/swagger';
import { SURFACE_TAGS } from '../surfaces/serves.decorator.js';

/** A group of operations, in the order in which a reader meets them. */
interface Group {
  readonly name: string;
  readonly description: string;
  /** Of an operation of the first dialect or the admin API: its method and its path, without the base. */
  readonly holds: RegExp;
}

const GROUPS: readonly Group[] = [
  {
    name: 'Chat completions',
    description: 'Talk to a model or chatbot.',
    holds: /^post \/chat\/completions$/,
  },
  { name: 'Completions', description: 'Legacy: continue a text.', holds: /^post \/completions$/ },
  { name: 'Models', description: 'What can be called.', holds: /^\w+ \/(chat\/)?models\b/ },
  {
    name: 'Chatbots',
    description: 'Models with instructions, tools and a memory. The key needs `manage_chatbots`.',
    holds: /^\w+ \/chatbots\b/,
  },
  {
    name: 'Conversations',
    description: 'What was said, to read, change, export and erase.',
    holds: /^\w+ \/conversations\b/,
  },
  {
    name: 'Stored completions',
    description: 'Answers to requests with `store: true`.',
    holds: /^\w+ \/chat\/completions\b/,
  },
  {
    name: 'Credits and requests',
    description: 'What is left, and the whole story of a request.',
    holds: /^get \/(credits|requests)\b/,
  },
  { name: 'Admin: accounts', description: 'Who pays.', holds: /^\w+ \/accounts\b/ },
  { name: 'Admin: keys', description: 'Who calls, and how much.', holds: /^\w+ \/keys\b/ },
  { name: 'Admin: chatbots', description: 'Chatbots of any account.', holds: /^\w+ \/admin\/chatbots\b/ },
  {
    name: 'Admin: ledger, usage, requests',
    description: 'Where credits went.',
    holds: /^\w+ \/(ledger|usage|admin\/requests)\b/,
  },
  {
    name: 'Admin: configuration',
    description: 'Upstreams, models and prices of `tollgate.yaml`.',
    holds: /^\w+ \/configuration\b/,
  },
];

const DIALECTS = [
  {
    name: SURFACE_TAGS.qolaba,
    description:
      'The same under `/api/v1`. Usage carries credits and cost; streams repeat it in a chunk after `[DONE]`.',
  },
  {
    name: SURFACE_TAGS.lightningrod,
    description:
      'The same under `/api/public/v1/openai`. Broken rules are a 422 that lists every field at fault.',
  },
];

const BASES = /^\/(v1(?=\/)|admin\/v1(?=\/))?/;

interface Operation {
  tags?: string[];
}

/**
 * Puts the operations of the first dialect and of the admin API under the heading of their resource, in place, and lists
 * the headings. The other two dialects have the same resources and stay under one heading each.
 */
export function groupOperations(document: OpenAPIObject): void {
  for (const [path, item] of Object.entries(document.paths)) {
    for (const [method, operation] of Object.entries(item as Record<string, Operation>)) {
      if (operation.tags?.some((tag) => DIALECTS.some(({ name }) => name === tag))) continue;
      const group = groupOf(method, path);
      if (group === undefined) throw new Error(`${method} ${path} belongs under no heading`);
      operation.tags = [group.name];
    }
  }
  document.tags = [...GROUPS, ...DIALECTS].map(({ name, description }) => ({ name, description }));
}

function groupOf(method: string, path: string): Group | undefined {
  const resource = path.replace(BASES, '/').replace('//', '/');
  const admin = /^\/admin\/v1\/(chatbots|requests)\b/.exec(path);
  const named = `${method} ${admin === null ? resource : `/admin/${resource.slice(1)}`}`;
  return GROUPS.find(({ holds }) => holds.test(named));
}

/** Paths that say the same as another of their dialect, for clients that look there. */
const ALIASES = /^\/(chat\/completions|completions|models)\b|^\/(api\/)?v1\/chat\/models\b/;

/** The document as a person reads it: each operation once a dialect. */
export function withoutAliases(document: OpenAPIObject): OpenAPIObject {
  const paths = Object.entries(document.paths).filter(([path]) => !ALIASES.test(path));
  return { ...document, paths: Object.fromEntries(paths) };
}
