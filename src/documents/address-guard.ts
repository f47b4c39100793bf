import { lookup as dnsLookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';
import { FetchError } from './fetch-error';

/**
 * Addresses outside the link-local ranges at which clouds answer questions about the machine itself: AWS and Google
 * Cloud over IPv6, Alibaba Cloud, Oracle Cloud, Azure.
 */
const METADATA_ADDRESSES = ['fd00:ec2::254', 'fd20:ce::254', '100.100.100.200', '192.0.0.192', '168.63.129.16'];

/**
 * Whether an address is link-local or a cloud's metadata service. A provider's document, or a name that resolves
 * differently today, must not make the gateway ask there. IPv6 addresses that only wrap such an IPv4 address (mapped,
 * NAT64, 6to4) count too.
 *
 * @param address - an IP address, with or without a zone
 */
export function isRefusedAddress(address: string): boolean {
  const parsed = ipaddr.parse(address.replace(/%.*$/, ''));
  const target = wrappedIPv4(parsed) ?? parsed;
  return target.range() === 'linkLocal' || METADATA_ADDRESSES.includes(target.toString());
}

/** Whether a URL names such an address outright. Names are for {@link guardedLookup} to judge. */
export function namesRefusedAddress(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && isRefusedAddress(host);
}

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** `dns.lookup` that fails when a name leads to a refused address. The check is on the very addresses that are dialled. */
export function guardedLookup(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  dnsLookup(hostname, { ...options, all: true }, (error, addresses) => {
    // With an error there is no list at all, whatever the types say.
    const found = error === null ? addresses : [];
    const [first] = found;
    if (first === undefined) callback(error ?? new FetchError('the name has no address'), []);
    else if (found.some(({ address }) => isRefusedAddress(address))) {
      callback(new FetchError('the name leads to a link-local or metadata address'), []);
    } else if (options.all === true) callback(null, found);
    else callback(null, first.address, first.family);
  });
}

/** RFC 4291 §2.5.5.2, RFC 6145 §2.2, RFC 6052 §2.1 (all in the last four bytes), RFC 3056 §2. */
function wrappedIPv4(address: IPv4 | IPv6): IPv4 | undefined {
  const bytes = address.toByteArray();
  const range: string = address.range();
  if (['ipv4Mapped', 'rfc6145', 'rfc6052'].includes(range)) return new ipaddr.IPv4(bytes.slice(12));
  return range === '6to4' ? new ipaddr.IPv4(bytes.slice(2, 6)) : undefined;
}
