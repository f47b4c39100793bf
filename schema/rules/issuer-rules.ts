import type { IssuerConfig, KeyFetchConfig } from '../config';
import { issuerTemplate, withTenant } from '../issuer-template';
import { ownershipViolations } from './issuer-ownership';
import { keyUrlProblem } from './key-url';
import { secretProblem } from './secret';
import { tenantProblems } from './tenant-rules';
import type { Violation } from '../../src/kong/schema-language/violation';

/** Returns what is wrong with the issuers beyond what Kong's schema language can say. */
export function issuerViolations(issuers: readonly IssuerConfig[]): Violation[] {
  const problems = issuers.flatMap((issuer, index) =>
    [...tenantProblems(issuer), ...keySourceProblems(issuer), ...keyFetchProblems(issuer.keyFetch)].flatMap(
      ([field, message]) => (message === null ? [] : [{ field: `config.issuers[${index + 1}].${field}`, message }]),
    ),
  );
  return [...ownershipViolations(issuers), ...problems];
}

/** A field of an issuer and what is wrong with it, if anything. */
type Problem = readonly [field: string, message: string | null];

/** What keys themselves are like is for whoever loads them to judge; this looks at what they are given as. */
function keySourceProblems(issuer: IssuerConfig): Problem[] {
  const { allowHttp } = issuer.keyFetch;
  return [
    ['jwks_uri', issuer.jwksUri === null ? null : keyUrlProblem(ofSomeTenant(issuer.jwksUri, issuer), allowHttp)],
    ['issuer', issuer.discovery === null ? null : discoveryProblem(ofSomeTenant(issuer.issuer, issuer), allowHttp)],
    ['jwks', issuer.jwks === null ? null : jwksProblem(issuer.jwks)],
    ['public_key', issuer.publicKey === null ? null : publicKeyProblem(issuer.publicKey)],
    ['secret', issuer.secret === null ? null : secretProblem(issuer)],
  ];
}

/** A URL of a template as it is for one of its tenants; tenants are such that it is like this for all of them. */
function ofSomeTenant(text: string, { issuer, tenants }: IssuerConfig): string {
  const template = issuerTemplate(issuer);
  return typeof template === 'object' ? withTenant(text, template, tenants?.[0] ?? 'tenant') : text;
}

/** RFC 8414 §2: the issuer is a URL without query and fragment; the document's own URL is made from it. */
function discoveryProblem(issuer: string, allowHttp: boolean): string | null {
  const problem = issuer.includes('?') ? 'must not have a query' : keyUrlProblem(issuer, allowHttp);
  return problem === null ? null : `${problem}, because discovery starts from it`;
}

function jwksProblem(text: string): string | null {
  const message = 'must be JSON text: an object with a "keys" list (RFC 7517 §5)';
  try {
    const set: unknown = JSON.parse(text);
    return typeof set === 'object' && set !== null && 'keys' in set && Array.isArray(set.keys) ? null : message;
  } catch {
    return message;
  }
}

function publicKeyProblem(pem: string): string | null {
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) return 'holds a private key, which belongs to the issuer alone';
  const blocks = pem.match(/-----BEGIN (PUBLIC KEY|CERTIFICATE)-----[^-]+-----END \1-----/g) ?? [];
  return blocks.length === 1 ? null : 'must be PEM with one PUBLIC KEY or one CERTIFICATE';
}

function keyFetchProblems(keyFetch: KeyFetchConfig): Problem[] {
  const { minTtl, ttl, maxTtl, proxyUrl, caFile, bearerTokenFile, allowHttp } = keyFetch;
  return [
    ['key_fetch.ttl', ttl < minTtl ? `must not be less than min_ttl (${ttl} < ${minTtl})` : null],
    ['key_fetch.max_ttl', maxTtl < ttl ? `must not be less than ttl (${maxTtl} < ${ttl})` : null],
    [
      'key_fetch.ca_file',
      caFile === null || caFile === 'system' || caFile.startsWith('/') ? null : 'must be an absolute path, or system',
    ],
    [
      'key_fetch.bearer_token_file',
      bearerTokenFile !== null && allowHttp ? 'must not be sent over plain http:, which allow_http permits' : null,
    ],
    ['key_fetch.proxy_url', proxyUrl === null ? null : proxyUrlProblem(proxyUrl)],
  ];
}

/** The user and the password are decoded before they are sent (RFC 3986 §3.2.1). */
function proxyUrlProblem(text: string): string | null {
  try {
    const { username, password } = new URL(text);
    decodeURIComponent(username + password);
    return null;
  } catch {
    return 'must be a URL, with user and password percent-encoded';
  }
}
