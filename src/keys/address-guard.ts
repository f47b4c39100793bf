import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Addresses at which clouds answer questions about the machine itself, outside the link-local ranges: AWS over IPv6,
 * Alibaba Cloud.
 */
const METADATA_ADDRESSES = ['fd00:ec2::254', '100.100.100.200'];

/**
 * Whether an address is link-local or a cloud's metadata service. A provider's document, or a name that resolves
 * differently today, must not make the gateway ask there. Forms that hide an IPv4 address in an IPv6 one count too.
 */
export function isLinkLocal(address: string): boolean {
  const parsed = ipaddr.process(address.replace(/^\[|\]$/g, '').replace(/%.*$/, ''));
  return (
    parsed.range() === 'linkLocal' || METADATA_ADDRESSES.includes(parsed.toNormalizedString().replace(/(:0)+:/, '::'))
  );
}

/** The address that a URL names outright, if it names one that is refused. */
export function refusedLiteral(url: URL): string | undefined {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && isLinkLocal(host) ? host : undefined;
}

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** `dns.lookup` that fails when a name leads to a refused address. The check is on the very addresses that are dialled. */
export function guardedLookup(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) {
      callback(error, []);
      return;
    }
    const [first] = addresses;
    if (first === undefined || addresses.some(({ address }) => isLinkLocal(address))) {
      callback(new Error('the name leads to a link-local address'), []);
    } else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
}
