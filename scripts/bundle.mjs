// Makes the programs that run, dist/main.js and dist/cli/main.js, of what the compiler left in dist/modules and of the
// packages it imports: a few files instead of 2,900. The last step of a build.
//
// Names stay as they are written, and maps tell lines of src/. See docs/adr/0026-one-bundle.md.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { build } from 'esbuild';
import { linesOnly } from './source-map-lines.mjs';

const MODULES = 'dist/modules';
/** Each finds what Node compiled of it the last time in `dist/.compiled`, which it may write who may write the program. */
const PROGRAMS = { main: '.', 'cli/main': '..' };
const WORKER = `${MODULES}/persistence/dialects/sqlite-thread.worker.js`;

/** What packages ask for and do without. */
const NOT_INSTALLED = [
  '@fastify/*',
  '@nestjs/microservices',
  '@nestjs/websockets',
  'class-transformer/storage',
  'pg-native',
];

/** Places in packages stay as they are: to read maps of all of them takes longer than a start. */
const isTold = (source) => /^(\.\.\/)+src\//.test(source);

/** Before anything is loaded, so that all of it is kept. */
const programs = {
  name: 'programs',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^program:/ }, ({ path }) => ({
      path: path.slice('program:'.length),
      namespace: 'program',
    }));
    onLoad({ filter: /.*/, namespace: 'program' }, ({ path }) => ({
      contents:
        `import nodeModule from 'node:module';\nimport { fileURLToPath } from 'node:url';\n` +
        `nodeModule.enableCompileCache?.(fileURLToPath(new URL('${PROGRAMS[path]}/.compiled', import.meta.url)));\n` +
        `await import('./${path}.js');\n`,
      resolveDir: join(process.cwd(), MODULES),
    }));
  },
};

/** The compiler writes decorated classes as `let A = class A`, of which a bundler must rename the second, so its `name`. */
const classNames = {
  name: 'class-names',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]dist[\\/]modules[\\/].*\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8').replaceAll(/^((?:export )?let (\w+) = class) \2\b/gm, '$1'),
    }));
  },
};

/** Parts of packages that nothing of ours calls: they say so, should that change. */
const NOT_CALLED = /^(body-parser|multer|libphonenumber-js\b.*|validator\/.*)$/;
const uncalled = {
  name: 'uncalled',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: NOT_CALLED }, ({ path }) => ({ path, namespace: 'uncalled' }));
    onLoad({ filter: /.*/, namespace: 'uncalled' }, ({ path }) => ({
      contents: `const uncalled = () => { throw new Error('${path} is left out by scripts/bundle.mjs'); };
module.exports = new Proxy(uncalled, { get: (_, name) => (name === '__esModule' ? undefined : uncalled) });`,
    }));
  },
};

/** What the document is built of is decorators that nobody else reads: the document itself takes their place. */
const storedDocument = {
  name: 'stored-document',
  async setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@nestjs\/swagger$/ }, ({ path }) => ({
      path,
      namespace: 'decorators',
      sideEffects: false,
    }));
    onLoad({ filter: /.*/, namespace: 'decorators' }, async ({ path }) => ({
      contents:
        'const nothing = () => () => undefined;\n' +
        Object.keys(await import(path))
          .map((name) => `export const ${name} = nothing;\n`)
          .join(''),
    }));
    onLoad({ filter: /[\\/]dist[\\/]modules[\\/]openapi[\\/]openapi\.js$/ }, () => ({
      contents: `const text = ${JSON.stringify(JSON.stringify(JSON.parse(readFileSync('docs/openapi.json', 'utf8'))))};
export const buildOpenApi = () => JSON.parse(text);`,
    }));
  },
};

/** A copy of the table lies beside the program. */
const tokenTable = {
  name: 'token-table',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]tokens[\\/]o200k-base-file\.js$/ }, () => ({
      contents: `import file from 'gpt-tokenizer/data/o200k_base.tiktoken';
export const O200K_BASE_FILE = new URL(file, import.meta.url);`,
      resolveDir: process.cwd(),
    }));
  },
};

/** It looks for who called it, which reads all source maps at start, and needs that for threads of which we have none. */
const pinoWithoutCallers = {
  name: 'pino-without-callers',
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]pino[\\/]lib[\\/]caller\.js$/ }, () => ({
      contents: 'module.exports = () => [];',
    }));
  },
};

/** An `import` of `node:http` reads all that it exports, and so loads a second undici, of Node's own. */
const httpAsItIs = {
  name: 'http-as-it-is',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^(node:)?http$/ }, () => ({ path: 'node:http', namespace: 'builtin' }));
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}');`,
    }));
  },
};

const { outputFiles } = await build({
  entryPoints: {
    ...Object.fromEntries(Object.keys(PROGRAMS).map((name) => [name, `program:${name}`])),
    // Found beside the file that starts it.
    'sqlite-thread.worker': WORKER,
  },
  outdir: 'dist',
  write: false,
  bundle: true,
  splitting: true,
  chunkNames: '[name]-[hash]',
  format: 'esm',
  platform: 'node',
  target: 'node22.19',
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: 'linked',
  sourcesContent: false,
  loader: { '.tiktoken': 'file' },
  external: NOT_INSTALLED,
  plugins: [programs, uncalled, storedDocument, tokenTable, classNames, pinoWithoutCallers, httpAsItIs],
  // For what packages in CommonJS require of Node.
  banner: {
    js: "import{createRequire as requireOf}from'node:module';const require=requireOf(import.meta.url);",
  },
  logLevel: 'warning',
});

for (const name of readdirSync('dist')) {
  if (join('dist', name) !== MODULES) rmSync(join('dist', name), { recursive: true });
}
const maps = new Map(
  outputFiles
    .filter(({ path }) => path.endsWith('.map'))
    .map(({ path, text }) => [path.slice(0, -'.map'.length), linesOnly(text, isTold)]),
);
for (const { path, text, contents } of outputFiles.filter((file) => !file.path.endsWith('.map'))) {
  const map = maps.get(path);
  mkdirSync(dirname(path), { recursive: true });
  if (!path.endsWith('.js')) writeFileSync(path, contents);
  else writeFileSync(path, map === undefined ? text.replace(/\n\/\/# sourceMappingURL=.*\n$/, '\n') : text);
  if (map !== undefined) writeFileSync(`${path}.map`, map);
}
