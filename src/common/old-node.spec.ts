import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { oldNodeMessage } from './old-node.js';

describe('oldNodeMessage', () => {
  it.each(['12.22.12', '18.20.8', '20.20.2', '22.18.0', '21.99.0'])(
    'tells in one line that %s is too old',
    (version) => {
      expect(oldNodeMessage(version)).toMatch(
        new RegExp(`^Tollgate needs Node 22\\.19 or newer, and this is ${version}: .+$`),
      );
    },
  );

  it.each(['22.19.0', '22.20.1', '23.0.0', '24.21.0', '100.0.0'])('has nothing to say of %s', (version) => {
    expect(oldNodeMessage(version)).toBeUndefined();
  });

  it('says what package.json says', () => {
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
    expect(oldNodeMessage('1.0.0')).toContain(`Node ${engines.node.replace('>=', '')} or newer`);
  });
});
