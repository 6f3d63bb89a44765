import { describe, expect, it } from '@jest/globals';
import { AddressList, isAddressRange } from './address-list.js';

describe('AddressList', () => {
  it.each([
    [['10.0.0.0/8'], '10.255.0.1', true],
    [['10.0.0.0/8'], '11.0.0.1', false],
    [['192.0.2.7'], '192.0.2.7', true],
    [['192.0.2.7'], '192.0.2.8', false],
    [['0.0.0.0/0'], '203.0.113.9', true],
    [['0.0.0.0/0'], '2001:db8::1', false],
    [['2001:db8::/32'], '2001:db8:ffff::1', true],
    [['2001:db8::/32'], '2001:db9::1', false],
    [['::1'], '0:0:0:0:0:0:0:1', true],
    [['10.0.0.0/8', '2001:db8::/32'], '2001:db8::1', true],
    [['192.0.2.7'], '::ffff:192.0.2.7', true],
    [['192.0.2.7'], '::ffff:c000:207', true],
    [['192.0.2.7'], '::ffff:192.0.2.8', false],
    [['192.0.2.7'], '', false],
    [['192.0.2.7'], 'unknown', false],
    [[], '192.0.2.7', false],
  ])('%j lets %s in: %s', (entries, address, expected) => {
    expect(new AddressList(entries).has(address)).toBe(expected);
  });
});

describe('isAddressRange', () => {
  it.each(['10.0.0.1', '10.0.0.0/8', '0.0.0.0/0', '::/0', '2001:db8::/32', '::1/128', '10.1.2.3/8'])(
    'accepts %s',
    (text) => expect(isAddressRange(text)).toBe(true),
  );
  it.each([
    '',
    '10.0.0',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0.0/8 ',
    '::/129',
    'fe80::1%eth0',
    'example.org',
    '010.0.0.1',
    '10.0.0.0/1e1',
  ])('refuses %j', (text) => expect(isAddressRange(text)).toBe(false));
});
