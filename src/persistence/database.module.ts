import { Global, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { AppConfig } from '../config/app-config.js';
import { Database, DatabaseReadiness } from './database.js';
import { GroupCommit } from './group-commit.js';
import { PostgresDatabase } from './postgres-database.js';
import { ProcessIdentityService } from './process-identity.service.js';
import { ProcessRegistryService } from './process-registry.service.js';
import { ResealingService } from './resealing.service.js';
import { Sealer } from './sealer.js';
import { SettingsRepository } from './settings.repository.js';
import { SqliteDatabase } from './sqlite-database.js';

/**
 * Storage for the whole process. On SQLite it is open and migrated before anything is made that needs it; on
 * PostgreSQL it may become ready later (`DatabaseReadiness`). Ends after the HTTP server: queue first, then files.
 */
@Global()
@Module({
  providers: [
    { provide: Database, inject: [AppConfig], useFactory: openDatabase },
    { provide: DatabaseReadiness, useExisting: Database },
    {
      provide: GroupCommit,
      inject: [Database],
      useFactory: (database: Database) => new GroupCommit(database),
    },
    {
      provide: Sealer,
      inject: [AppConfig],
      useFactory: ({ storage }: AppConfig) => new Sealer(storage.conversationKeys),
    },
    ResealingService,
    SettingsRepository,
    ProcessIdentityService,
    ProcessRegistryService,
  ],
  exports: [
    Database,
    DatabaseReadiness,
    GroupCommit,
    ResealingService,
    Sealer,
    SettingsRepository,
    ProcessIdentityService,
    ProcessRegistryService,
  ],
})
export class DatabaseModule implements OnApplicationShutdown {
  constructor(
    private readonly database: Database,
    private readonly groupCommit: GroupCommit,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await this.groupCommit.close();
    await this.database.close();
  }
}

async function openDatabase({ storage }: AppConfig): Promise<Database> {
  if (storage.databaseUrl === undefined) return SqliteDatabase.open(storage.dataDir);

  const logger = new Logger('Database');
  return PostgresDatabase.open({
    url: storage.databaseUrl,
    onChange: (lastError) =>
      lastError === undefined
        ? logger.log('PostgreSQL is ready')
        : logger.error(`PostgreSQL is not ready, trying on: ${lastError}`),
  });
}
