import { describe, expect, it } from '@jest/globals';
import { loggedError } from './logged-error.js';

describe('loggedError', () => {
  it('S29: keeps what helps and nothing that a library hung on', () => {
    const cause = Object.assign(new TypeError('terminated'), {
      code: 'UND_ERR_SOCKET',
      headers: ['Bearer sk-1'],
    });
    const error = Object.assign(new Error('failed', { cause }), { requestBodyValues: { prompt: 'secret' } });
    const logged = loggedError(error);
    expect(logged).toMatchObject({
      type: 'Error',
      message: 'failed',
      stack: error.stack,
      cause: { type: 'TypeError', message: 'terminated', code: 'UND_ERR_SOCKET' },
    });
    expect(JSON.stringify(logged)).not.toMatch(/secret|sk-1/);
  });

  it('ends where causes go round in a circle', () => {
    const error = new Error('a');
    error.cause = new Error('b', { cause: error });
    expect(JSON.stringify(loggedError(error)).length).toBeLessThan(50_000);
  });

  it('names a thrown value by its type alone', () => {
    expect(loggedError('my prompt')).toMatchObject({ type: 'string', message: '' });
  });
});
