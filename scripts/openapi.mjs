// Writes docs/openapi.json from the controllers and DTOs, or checks that it is what they say (`--check`).
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import 'reflect-metadata';

const FILE = 'docs/openapi.json';

const { createApp } = await import('../dist/modules/app.setup.js');
const { loadConfig } = await import('../dist/modules/config/load-config.js');
const { buildOpenApi } = await import('../dist/modules/openapi/openapi.js');

const folder = mkdtempSync(join(tmpdir(), 'tollgate-openapi-'));
const app = await createApp(loadConfig({ DATA_DIR: folder, LOG_LEVEL: 'silent' }, folder));
const text = `${JSON.stringify(buildOpenApi(app), null, 2)}\n`;
await app.close();
rmSync(folder, { recursive: true });

if (process.argv.includes('--check')) {
  const stored = readFileSync(FILE, 'utf8');
  if (stored !== text) {
    process.stderr.write(`${FILE} is not what the code says. Run: npm run openapi\n`);
    process.exit(1);
  }
} else {
  writeFileSync(FILE, text);
}
