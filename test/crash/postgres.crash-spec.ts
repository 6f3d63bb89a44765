import { onPostgres } from '../support/databases.js';
import { describeCrashes } from './crash-lives.js';

onPostgres((newDatabaseUrl) => describeCrashes(newDatabaseUrl));
