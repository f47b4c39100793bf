import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP } from 'node:net';
import ipaddr, { type IPv4, type IPv6 } from 'ipaddr.js';
import { FetchError } from './fetch-error';
import { lookUpName } from './name-lookup';

/**
 * Where clouds answer questions about the machine itself, outside the link-local ranges: AWS (instance metadata, name and
 * time servers, container credentials), Google Cloud, Oracle Cloud and Scaleway over IPv6; Alibaba Cloud, Oracle Cloud and
 * Azure over IPv4.
 */
const METADATA_RANGES = [
  ...['fd00:ec2::/32', 'fd20:ce::254/128', 'fd00:c1::a9fe:a9fe/128', 'fd00:42::42/128'],
  ...['100.100.100.200/32', '192.0.0.192/32', '168.63.129.16/32'],
].map((range) => ipaddr.parseCIDR(range));

/**
 * Whether an address is link-local or a cloud's metadata service. A provider's document, or a name that resolves
 * differently today, must not make the gateway ask there. IPv6 addresses that only wrap such an IPv4 address count too.
 * Networks may translate other prefixes of their own to IPv4 (RFC 6052 §2.2); those are not known here.
 *
 * @param address - an IP address, with or without a zone
 */
export function isRefusedAddress(address: string): boolean {
  const parsed = ipaddr.parse(address.replace(/%.*$/, ''));
  return [parsed, ...wrappedAddresses(parsed)].some(
    (target) =>
      target.range() === 'linkLocal' ||
      METADATA_RANGES.some(([network, bits]) => network.kind() === target.kind() && target.match(network, bits)),
  );
}

/** Whether a URL names such an address outright. Names are for {@link guardedLookup} to judge. */
export function namesRefusedAddress(url: URL): boolean {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return isIP(host) !== 0 && isRefusedAddress(host);
}

type LookupCallback = (error: Error | null, address: string | LookupAddress[], family?: number) => void;

/** {@link lookUpName} in the form of `dns.lookup`, for `net.connect`. It guards nothing. */
export function plainLookup(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  answerLookup(hostname, options, callback, () => false);
}

/** The same, but fails when a name leads to a refused address. The check is on the very addresses that are dialled. */
export function guardedLookup(hostname: string, options: LookupOptions, callback: LookupCallback): void {
  answerLookup(hostname, options, callback, isRefusedAddress);
}

function answerLookup(
  hostname: string,
  { all }: LookupOptions,
  callback: LookupCallback,
  isRefused: (address: string) => boolean,
): void {
  lookUpName(hostname).then(
    (found) => {
      const [first] = found;
      if (first === undefined) callback(new FetchError('the name has no address'), []);
      else if (found.some(({ address }) => isRefused(address))) {
        callback(new FetchError('the name leads to a link-local or metadata address'), []);
      } else if (all === true) callback(null, [...found]);
      else callback(null, first.address, first.family);
    },
    (error: unknown) => {
      callback(error as Error, []);
    },
  );
}

/** The IPv4 addresses that an IPv6 address stands for, by the prefixes and forms that RFCs define. */
function wrappedAddresses(address: IPv4 | IPv6): readonly IPv4[] {
  if (address.kind() === 'ipv4') return [];
  const bytes = address.toByteArray();
  const at = (...positions: readonly number[]): IPv4 =>
    new ipaddr.IPv4(positions.map((position) => bytes[position] ?? 0));
  const last = at(12, 13, 14, 15);
  const range: string = address.range();
  const wrapped: IPv4[] = [];
  // Mapped (RFC 4291 §2.5.5.2), translated (RFC 2765 §2.1), NAT64 (RFC 6052 §2.1, RFC 8215).
  if (['ipv4Mapped', 'rfc6145', 'rfc6052'].includes(range)) wrapped.push(last);
  // RFC 6052 §2.2: behind a prefix of 48 bits, which RFC 8215 allows, the address stands before and after byte 8.
  if (range === 'rfc6052') wrapped.push(at(6, 7, 9, 10));
  // IPv4-compatible (RFC 4291 §2.5.5.1). `::` and `::1` are not, but stand for nothing that is refused either.
  if (bytes.slice(0, 12).every((byte) => byte === 0)) wrapped.push(last);
  // 6to4 (RFC 3056 §2).
  if (range === '6to4') wrapped.push(at(2, 3, 4, 5));
  // Teredo (RFC 4380 §4): the server, and the client with all bits inverted.
  if (range === 'teredo') {
    wrapped.push(at(4, 5, 6, 7), new ipaddr.IPv4(bytes.slice(12).map((byte) => byte ^ 0xff)));
  }
  // ISATAP (RFC 5214 §6.1), in any network.
  if (bytes[9] === 0 && bytes[10] === 0x5e && bytes[11] === 0xfe) wrapped.push(last);
  return wrapped;
}
