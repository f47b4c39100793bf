import ipaddr from 'ipaddr.js';
import { Refusal } from '../core/refusal/refusal';
import type { GatewayProof } from './gateway-proof';

/**
 * Takes a request for the gateway's when the other end of its connection has one of these addresses. Only the socket is
 * looked at, never `X-Forwarded-For`, which anybody can write. An IPv4 address that arrives on an IPv6 socket
 * (`::ffff:10.0.0.1`) is that IPv4 address. No address (a Unix socket, a closed connection) is none of them.
 *
 * @param ranges - addresses or CIDR ranges, such as `10.1.0.0/16` or `fd00::7`
 * @throws TypeError when there is none, one is neither, or one covers every address there is
 */
export function gatewayAddresses(ranges: readonly string[]): GatewayProof {
  if (ranges.length === 0) throw new TypeError('gatewayAddresses: name at least one address or CIDR range');
  const parsed = ranges.map(parseRange);
  const isGateway = (address: string | undefined): boolean => {
    if (address === undefined || !ipaddr.isValid(address)) return false;
    const peer = ipaddr.process(address);
    return parsed.some((range) => range[0].kind() === peer.kind() && peer.match(range));
  };
  return ({ socket }) =>
    isGateway(socket?.remoteAddress) ? undefined : new Refusal('not_from_gateway', 'another address');
}

type Range = [address: ipaddr.IPv4 | ipaddr.IPv6, prefixLength: number];

function parseRange(text: string): Range {
  const range = parse(text);
  if (range === undefined) throw new TypeError(`gatewayAddresses: ${text} is neither an address nor a CIDR range`);
  if (range[1] === 0) throw new TypeError(`gatewayAddresses: ${text} is everybody`);
  return range;
}

function parse(text: string): Range | undefined {
  // inet_aton's short forms ("10.1", "010.0.0.1") mean one thing here and another there.
  if (ipaddr.IPv4.isValidFourPartDecimal(text.split('/', 1)[0] ?? '') || text.includes(':')) {
    if (ipaddr.isValidCIDR(text)) return ipaddr.parseCIDR(text);
    if (ipaddr.isValid(text)) {
      const address = ipaddr.process(text);
      return [address, address.kind() === 'ipv4' ? 32 : 128];
    }
  }
  return undefined;
}
