import { sql } from 'kysely';
import { ADMIN_KEY_SETTING } from '../auth/admin-key.service.js';
import { hashSecret, newAdminSecret } from '../auth/secret.js';
import { loadCliConfig, loadDataPlace } from '../config/cli-config.js';
import { withDatabase } from '../persistence/offline-database.js';
import type { Command } from './command.js';
import type { Json } from './json.js';

/** What the tool can do for who has lost the admin key, and has the machine. */
export const ADMIN_KEY_COMMANDS: readonly Command[] = [
  {
    name: 'admin-key new',
    summary:
      'Replace a lost admin key, in the database itself: call it where the server is started, which may run or not',
    positionals: [],
    options: {},
    here: newAdminKey,
    show: ({ admin_key: key }) => `Your admin key (shown this once; the one before ends within seconds):

  ${String(key)}
`,
  },
];

async function newAdminKey(): Promise<Json> {
  const secret = newAdminSecret();
  await withDatabase(loadDataPlace(), async (db) => {
    await sql`
      insert into settings (key, value) values (${ADMIN_KEY_SETTING}, ${hashSecret(secret)})
      on conflict (key) do update set value = excluded.value`.execute(db);
  });
  const { adminKey } = loadCliConfig();
  return {
    admin_key: secret,
    ...(adminKey !== undefined && {
      warnings: ['ADMIN_KEY is set here. A server that was started with it takes that one, and no other.'],
    }),
  };
}
