import { isIPv6, SocketAddress } from 'node:net';

const MAPPED_IPV4 = '::ffff:';
const GROUPS_OF_A_NETWORK = 4;

/**
 * What one caller cannot easily change: an IPv4 address, or the first 64 bits of an IPv6 address, as one machine
 * commonly has all 2^64 addresses of its network to choose from. Anything else is given back as it is.
 */
export function callerNetwork(address: string): string {
  if (!isIPv6(address)) return address;
  const { address: canonical } = new SocketAddress({ address, family: 'ipv6' });
  if (canonical.startsWith(MAPPED_IPV4)) return canonical.slice(MAPPED_IPV4.length);
  const [head = '', tail] = canonical.split('::');
  const groups = head === '' ? [] : head.split(':');
  const skipped = tail === undefined ? 0 : 8 - groups.length - (tail === '' ? 0 : tail.split(':').length);
  const all = [...groups, ...Array<string>(skipped).fill('0'), ...(tail ?? '').split(':')];
  return `${all.slice(0, GROUPS_OF_A_NETWORK).join(':')}::/64`;
}
