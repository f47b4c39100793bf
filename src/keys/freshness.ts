import type { KeyFetchConfig } from '../../schema/config';

/** The response headers that say how long a document may be used. */
export interface FreshnessHeaders {
  readonly cacheControl: string | undefined;
  readonly age: string | undefined;
  readonly expires: string | undefined;
  readonly date: string | undefined;
}

/**
 * Returns for how many seconds a fetched document counts as fresh: what the provider says, within `min_ttl` and
 * `max_ttl`, or `ttl` when it says nothing. `no-cache` and `no-store` mean `min_ttl`: they must not turn every request
 * into a fetch.
 *
 * @see RFC 9111 §4.2, §5.2
 */
export function lifetimeSeconds(headers: FreshnessHeaders, { ttl, minTtl, maxTtl }: KeyFetchConfig): number {
  const asked = askedLifetime(headers) ?? ttl;
  return Math.min(Math.max(asked, minTtl), maxTtl);
}

function askedLifetime({ cacheControl = '', age, expires, date }: FreshnessHeaders): number | undefined {
  const directives = new Map(
    cacheControl.split(',').map((directive): [string, string | undefined] => {
      const [name = '', value] = directive.split('=', 2);
      return [name.trim().toLowerCase(), value?.trim().replace(/^"|"$/g, '')];
    }),
  );
  if (directives.has('no-store') || directives.has('no-cache')) return 0;
  const maxAge = wholeSeconds(directives.get('max-age'));
  if (maxAge !== undefined) return maxAge - (wholeSeconds(age) ?? 0);
  if (expires === undefined) return undefined;
  // RFC 9111 §5.3: an invalid date, such as 0, has passed.
  const lifetime = (Date.parse(expires) - Date.parse(date ?? '')) / 1000;
  return Number.isNaN(lifetime) ? 0 : lifetime;
}

function wholeSeconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}
