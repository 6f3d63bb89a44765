import { describe } from '@jest/globals';
import { describeCrashes } from './crash-lives.js';

describe('on SQLite', () => {
  describeCrashes(() => Promise.resolve(undefined));
});
