import type { IssuerConfig, KeyFetchConfig } from './config';
import { keyUrlFault } from './key-url';
import { secretFault } from './secret';
import type { Violation } from './validate';

/** Returns what is wrong with the issuers beyond what Kong's schema language can say. */
export function issuerViolations(issuers: readonly IssuerConfig[]): Violation[] {
  const names = issuers.map(({ issuer }) => issuer);
  return issuers.flatMap((issuer, index) => {
    const first = names.indexOf(issuer.issuer);
    const faults: readonly Fault[] = [
      ['issuer', first < index ? `repeats that of issuers[${first + 1}]` : null],
      ...keySourceFaults(issuer),
      ...keyFetchFaults(issuer.keyFetch),
    ];
    return faults.flatMap(([field, message]) =>
      message === null ? [] : [{ field: `config.issuers[${index + 1}].${field}`, message }],
    );
  });
}

/** A field of an issuer and what is wrong with it, if anything. */
type Fault = readonly [field: string, message: string | null];

/** What keys themselves are like is for whoever loads them to judge; this looks at what they are given as. */
function keySourceFaults(issuer: IssuerConfig): Fault[] {
  const { allowHttp } = issuer.keyFetch;
  return [
    ['jwks_uri', issuer.jwksUri === null ? null : keyUrlFault(issuer.jwksUri, allowHttp)],
    ['issuer', issuer.discovery === null ? null : discoveryFault(issuer.issuer, allowHttp)],
    ['jwks', issuer.jwks === null ? null : jwksFault(issuer.jwks)],
    ['public_key', issuer.publicKey === null ? null : publicKeyFault(issuer.publicKey)],
    ['secret', issuer.secret === null ? null : secretFault(issuer)],
  ];
}

/** RFC 8414 §2: the issuer is a URL without query and fragment; the document's own URL is made from it. */
function discoveryFault(issuer: string, allowHttp: boolean): string | null {
  const fault = issuer.includes('?') ? 'must not have a query' : keyUrlFault(issuer, allowHttp);
  return fault === null ? null : `${fault}, because discovery starts from it`;
}

function jwksFault(text: string): string | null {
  const message = 'must be JSON text: an object with a "keys" list (RFC 7517 §5)';
  try {
    const set: unknown = JSON.parse(text);
    return typeof set === 'object' && set !== null && 'keys' in set && Array.isArray(set.keys) ? null : message;
  } catch {
    return message;
  }
}

function publicKeyFault(pem: string): string | null {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) return 'holds a private key, which belongs to the issuer alone';
  const blocks = pem.match(/-----BEGIN (PUBLIC KEY|CERTIFICATE)-----[^-]+-----END \1-----/g) ?? [];
  return blocks.length === 1 ? null : 'must be PEM with one PUBLIC KEY or one CERTIFICATE';
}

function keyFetchFaults({ minTtl, ttl, maxTtl, proxyUrl }: KeyFetchConfig): Fault[] {
  return [
    ['key_fetch.ttl', ttl < minTtl ? `must not be less than min_ttl (${ttl} < ${minTtl})` : null],
    ['key_fetch.max_ttl', maxTtl < ttl ? `must not be less than ttl (${maxTtl} < ${ttl})` : null],
    ['key_fetch.proxy_url', proxyUrl === null ? null : proxyUrlFault(proxyUrl)],
  ];
}

/** The user and the password are decoded before they are sent (RFC 3986 §3.2.1). */
function proxyUrlFault(text: string): string | null {
  try {
    const { username, password } = new URL(text);
    decodeURIComponent(username + password);
    return null;
  } catch {
    return 'must be a URL, with user and password percent-encoded';
  }
}
