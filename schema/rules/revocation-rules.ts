import type { Config, ListFetchConfig, RedisConfig, RevocationListConfig, StatusListConfig } from '../config';
import { issuerTemplate } from '../issuer-template';
import { isLoopback, keyUrlProblem } from './key-url';
import type { Violation } from '../../src/kong/schema-language/violation';

/** A field and what is wrong with it, if anything. */
type Problem = readonly [field: string, message: string | null];

/** Returns what is wrong with revocation and status lists beyond what Kong's schema language can say. */
export function revocationViolations({ issuers, revocationLists }: Config): Violation[] {
  const names = issuers.map(({ issuer }) => issuer);
  return [
    ...revocationLists.flatMap((list, index) =>
      violations(`config.revocation_lists[${index + 1}]`, listProblems(list, names)),
    ),
    ...issuers.flatMap(({ statusList }, index) =>
      statusList === null ? [] : violations(`config.issuers[${index + 1}].status_list`, statusListProblems(statusList)),
    ),
  ];
}

function violations(path: string, problems: readonly Problem[]): Violation[] {
  return problems.flatMap(([field, message]) => (message === null ? [] : [{ field: `${path}.${field}`, message }]));
}

function listProblems(
  { url, redis, issuer, signed, listFetch }: RevocationListConfig,
  names: readonly string[],
): Problem[] {
  return [
    ['url', url === null ? null : listUrlProblem(url, listFetch)],
    ['issuer', issuer === null ? null : listIssuerProblem(issuer, names)],
    ['signed', signed ? signerProblem(issuer, names) : null],
    ['redis.ssl', redis === null ? null : plaintextProblem(redis)],
    ...fetchProblems(listFetch),
  ];
}

/** No token has a template as its `iss`: a list about one would end none. */
function listIssuerProblem(issuer: string, names: readonly string[]): string | null {
  if (!names.includes(issuer)) return 'is not one of issuers';
  if (typeof issuerTemplate(issuer) !== 'object') return null;
  return 'must be a whole issuer, not a template: leave it out, so that each entry of the list names its issuer';
}

/** Keys of several entries never cross, and a list does not say whose key has signed it. */
function signerProblem(issuer: string | null, names: readonly string[]): string | null {
  const entries = names.filter((name) => name === issuer).length;
  return entries > 1 ? `needs an issuer with one entry; ${entries} entries of issuers have this name` : null;
}

function statusListProblems({ uriPrefixes, listFetch }: StatusListConfig): Problem[] {
  return [
    ...uriPrefixes.map((prefix, index): Problem => [
      `uri_prefixes[${index + 1}]`,
      listUrlProblem(prefix, listFetch) ?? prefixProblem(prefix),
    ]),
    ...fetchProblems(listFetch),
  ];
}

function listUrlProblem(url: string, { allowHttp }: ListFetchConfig): string | null {
  return keyUrlProblem(url, allowHttp)?.replace('key_fetch', 'list_fetch') ?? null;
}

/** Without a slash, `https://auth.example.com` is also the beginning of `https://auth.example.com.evil.example`. */
function prefixProblem(prefix: string): string | null {
  const { href } = new URL(prefix);
  if (!prefix.endsWith('/') || prefix.includes('?')) return 'must end in "/" and have no query';
  return href === prefix ? null : `must be written as ${href}`;
}

function plaintextProblem({ host, ssl, allowPlaintext }: RedisConfig): string | null {
  if (ssl || allowPlaintext || isLoopback(host)) return null;
  return 'must be true unless the server is on this machine, or allow_plaintext is true (unsafe)';
}

function fetchProblems({ minTtl, ttl, maxTtl }: ListFetchConfig): Problem[] {
  return [
    ['list_fetch.ttl', ttl < minTtl ? `must not be less than min_ttl (${ttl} < ${minTtl})` : null],
    ['list_fetch.max_ttl', maxTtl < ttl ? `must not be less than ttl (${maxTtl} < ${ttl})` : null],
  ];
}
