import type { Config } from '../config';
import { foldHeaderName, headerPatternMatcher } from '../header-name';
import type { Violation } from '../../src/kong/schema-language/violation';

/** What the service receives when `consumer_claim` is set; the same as from Kong's own authentication plugins. */
export const CONSUMER_HEADERS = ['X-Consumer-ID', 'X-Consumer-Username', 'X-Consumer-Custom-ID'] as const;

/**
 * Headers that Kong's plugins or this plugin write on some route, so no configuration can let a client send them.
 * Kong 3.9.3: its authentication plugins, acl (`X-Consumer-Groups`, `X-Authenticated-Groups`), session, and oauth2
 * (`X-Authenticated-Scope`, `X-Authenticated-UserId`). The last three are this plugin's defaults.
 */
const WRITTEN_HEADERS = [
  ...['X-Consumer-*', 'X-Credential-Identifier', 'X-Anonymous-Consumer', 'X-Authenticated-*'],
  ...['X-User-ID', 'X-User-Roles', 'X-Identity-Token'],
] as const;

/** Reserved in every configuration. `reserved_headers` adds to it; `unreserved_headers` cannot name what is written. */
export const ALWAYS_RESERVED_HEADERS = [...WRITTEN_HEADERS, 'X-User-*'] as const;

/** Returns every pattern of headers that clients may not send, before the exceptions of `unreserved_headers`. */
export function reservedPatterns({ reservedHeaders }: Pick<Config, 'reservedHeaders'>): readonly string[] {
  return [...ALWAYS_RESERVED_HEADERS, ...reservedHeaders];
}

/**
 * Returns a test whether `unreserved_headers` names a header. Only the exact name, in any letter case, is an exception:
 * `X_User_Agent` stays reserved beside an exception for `X-User-Agent`, because a server may read both as one header.
 */
export function exceptionMatcher({
  unreservedHeaders,
}: Pick<Config, 'unreservedHeaders'>): (lowerCaseName: string) => boolean {
  const names = new Set(unreservedHeaders.map((name) => name.toLowerCase()));
  return (lowerCaseName) => names.has(lowerCaseName);
}

/** Returns what is wrong with `unreserved_headers`. `written` are the folded names that this configuration writes. */
export function unreservedHeaderViolations(config: Config, written: readonly string[]): Violation[] {
  const isWritten = headerPatternMatcher([...WRITTEN_HEADERS, ...written]);
  const isReserved = headerPatternMatcher(reservedPatterns(config));
  const listed = new Set(config.reservedHeaders.map(foldHeaderName));
  return config.unreservedHeaders.flatMap((name, index): Violation[] => {
    const refuse = (message: string): Violation[] => [{ field: `config.unreserved_headers[${index + 1}]`, message }];
    const folded = foldHeaderName(name);
    if (isWritten(folded)) return refuse('must not be a header that Kong or this plugin writes for services');
    if (!isReserved(folded)) return refuse('is not reserved, so it needs no exception');
    return listed.has(folded) ? refuse('is listed in reserved_headers too') : [];
  });
}
