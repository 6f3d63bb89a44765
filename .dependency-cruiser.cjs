// The rows of docs/architecture.md: a row imports only from rows below it, siblings of row 2 not from each other.
const row0 = ['contracts', 'surfaces', 'common'];
const row1 = ['config', 'persistence', 'quotas', 'observability', 'streaming', 'http'];
const row2 = ['auth', 'models', 'upstreams', 'billing', 'throttling', 'idempotency'];
const row3 = ['inference', 'accounts', 'webhooks', 'chatbots', 'conversations'];
const row4 = ['chat', 'completions', 'health', 'openapi', 'admin', 'self-service', 'cli'];

const inRow = (folders) => `^src/(${folders.join('|')})/`;
const up = (name, from, to, comment) => ({
  name,
  comment,
  severity: 'error',
  from: { path: inRow(from) },
  to: { path: inRow(to) },
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      comment: 'Nothing imports what imports it.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-orphans',
      severity: 'error',
      comment: 'A file that nobody imports is dead or forgotten.',
      from: { orphan: true, pathNot: ['^src/main\\.ts$', '\\.spec\\.ts$', '\\.worker\\.ts$'] },
      to: {},
    },
    {
      name: 'no-barrels',
      severity: 'error',
      comment: 'Import the file that defines the thing.',
      from: {},
      to: { path: '^src/.*index\\.ts$' },
    },
    up('row-0-is-the-bottom', row0, [...row1, ...row2, ...row3, ...row4]),
    up('row-1-is-below', row1, [...row2, ...row3, ...row4]),
    up('row-2-is-below', row2, [...row3, ...row4]),
    up('row-3-is-below', row3, row4),
    ...row2.map((folder) =>
      up(
        `${folder}-has-no-siblings`,
        [folder],
        row2.filter((sibling) => sibling !== folder),
        'Row 3 brings siblings together by passing values.',
      ),
    ),
    {
      name: 'adapters-do-not-know-each-other',
      severity: 'error',
      from: { path: '^src/upstreams/providers/([^/]+)/' },
      to: { path: '^src/upstreams/providers/', pathNot: '^src/upstreams/providers/$1/' },
    },
    {
      name: 'inference-meets-http-in-three-files',
      severity: 'error',
      comment:
        'A request comes in by its context, an answer leaves by the responder, and a shutdown holds the server back.',
      from: {
        path: '^src/inference/',
        pathNot: [
          '^src/inference/(request-context|responder\\.service|drain\\.service|inference\\.module)\\.ts$',
        ],
      },
      to: { path: '^src/http/' },
    },
    {
      name: 'environment-is-read-in-config',
      severity: 'error',
      comment: 'Only serve.ts and a reload ask for the configuration to be read.',
      from: {
        path: '^src/',
        pathNot: ['^src/config/', '^src/serve\\.ts$', '^src/inference/catalogue-keeper'],
      },
      to: { path: '^src/config/(load-config|env)' },
    },
    {
      name: 'no-dev-dependencies',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.spec\\.ts$' },
      to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'require', 'node', 'default', 'types'],
    },
  },
};
