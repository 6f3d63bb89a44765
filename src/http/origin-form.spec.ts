import { describe, expect, it } from '@jest/globals';
import { originForm } from './origin-form.js';

describe('originForm', () => {
  it.each([
    ['/v1/models?a=b', '/v1/models?a=b'],
    ['//evil/v1/models', '//evil/v1/models'],
    ['/http://evil/', '/http://evil/'],
    ['*', '*'],
    ['http://host/v1/models?a=http://b', '/v1/models?a=http://b'],
    ['HTTPS://user:password@[::1]:443/a', '/a'],
    ['http://host', '/'],
    ['http://host?a=b', '/?a=b'],
    ['http://[', '/'],
    ['http://a:999999999/b', '/b'],
    ['x://', '/'],
  ])('S5: %s is asked of us as %s, whatever host it names', (target, form) => {
    expect(originForm(target)).toBe(form);
  });
});
