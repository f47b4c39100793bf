import { BlockList, isIP } from 'node:net';

/** Who may ask by default: this machine. */
export const LOOPBACK = ['127.0.0.0/8', '::1/128'] as const;

/**
 * Returns a test whether the other end of a connection may ask for decisions. What it says of a client's request
 * (`X-Forwarded-Method`, `X-Original-URI`) is believed. The other end of a Unix socket may: the permissions of the file
 * say who that is.
 *
 * @param ranges - addresses or CIDR ranges
 * @throws RangeError for one that is neither, or that covers every address
 */
export function peerFilter(ranges: readonly string[]): (address: string | undefined, isUnixSocket: boolean) => boolean {
  const allowed = new BlockList();
  for (const range of ranges) {
    const [address = '', prefix, ...rest] = range.split('/');
    const family = isIP(address);
    const bits = family === 4 ? 32 : 128;
    const length = prefix === undefined ? bits : /^[0-9]{1,3}$/.test(prefix) ? Number(prefix) : -1;
    if (family === 0 || rest.length > 0 || length < 0 || length > bits) {
      throw new RangeError(`${range} is neither an address nor a CIDR range`);
    }
    if (length === 0) throw new RangeError(`${range} is everybody`);
    allowed.addSubnet(address, length, family === 4 ? 'ipv4' : 'ipv6');
  }
  return (address = '', isUnixSocket) => {
    const family = isIP(address);
    // An IPv4 address on an IPv6 socket counts as that IPv4 address.
    return isUnixSocket || (family !== 0 && allowed.check(address, family === 4 ? 'ipv4' : 'ipv6'));
  };
}
