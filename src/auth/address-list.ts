import { BlockList, isIP } from 'node:net';

/** Addresses and networks (`10.1.2.3`, `10.0.0.0/8`, `2001:db8::/32`) that a key may be used from. */
export class AddressList {
  private readonly ranges = new BlockList();

  /** @param entries each one that `isAddressRange` accepts */
  constructor(entries: readonly string[]) {
    for (const entry of entries) {
      const { address, bits, family } = parse(entry);
      this.ranges.addSubnet(address, bits, family);
    }
  }

  /** @param address of a peer; IPv4 in IPv6 (`::ffff:10.1.2.3`) is the IPv4 address that it stands for */
  has(address: string): boolean {
    const version = isIP(address);
    return version !== 0 && this.ranges.check(address, version === 6 ? 'ipv6' : 'ipv4');
  }
}

/** Whether a text is one address, or a network as address/bits. */
export function isAddressRange(text: string): boolean {
  const { address, bits, family } = parse(text);
  // An IPv6 zone (`fe80::1%eth0`) names a cable of this machine, not a caller.
  if (isIP(address) === 0 || address.includes('%')) return false;
  return Number.isInteger(bits) && bits >= 0 && bits <= (family === 'ipv6' ? 128 : 32);
}

function parse(entry: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } {
  const [address = '', bits, ...rest] = entry.split('/');
  const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
  const all = family === 'ipv6' ? 128 : 32;
  const valid = rest.length === 0 && (bits === undefined || /^\d{1,3}$/.test(bits));
  return { address, bits: valid ? Number(bits ?? all) : -1, family };
}
