/** For how many seconds a document may count as fresh. */
export interface FreshnessLimits {
  /** When nobody says anything. */
  readonly ttl: number;
  /** The least, whatever the provider says. */
  readonly minTtl: number;
  /** The most, whatever the provider says. */
  readonly maxTtl: number;
}

/** What says how long a document is fresh, beside the headers that came with it; in seconds. */
export interface OtherLifetimes {
  /** What the document itself says. It counts before the headers, which a cache on the way may have added. */
  readonly stated?: number | undefined;
  /** What counts when neither says anything: the lifetime so far of a document that was confirmed (RFC 9111 §4.3.4). */
  readonly unsaid?: number | undefined;
}

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
export function lifetimeSeconds(
  headers: FreshnessHeaders,
  { ttl, minTtl, maxTtl }: FreshnessLimits,
  { stated, unsaid = ttl }: OtherLifetimes = {},
): number {
  const asked = stated ?? askedLifetime(headers) ?? unsaid;
  return Math.min(Math.max(asked, minTtl), maxTtl);
}

function askedLifetime({ cacheControl = '', age, expires, date }: FreshnessHeaders): number | undefined {
  const directives = new Map<string, string | undefined>();
  for (const directive of cacheControl.split(',')) {
    const [name = '', value] = directive.split('=', 2);
    const key = name.trim().toLowerCase();
    // RFC 9111 §4.2.1: the first of several counts.
    if (!directives.has(key)) directives.set(key, value?.trim().replace(/^"|"$/g, ''));
  }
  if (directives.has('no-store') || directives.has('no-cache')) return 0;
  const ageSeconds = deltaSeconds(age) ?? 0;
  const maxAge = deltaSeconds(directives.get('max-age'));
  if (maxAge !== undefined) return maxAge - ageSeconds;
  if (expires === undefined) return undefined;
  // RFC 9111 §5.3: an invalid date, such as 0, has passed.
  const lifetime = (Date.parse(expires) - Date.parse(date ?? '')) / 1000;
  return Number.isNaN(lifetime) ? 0 : lifetime - ageSeconds;
}

/** RFC 9111 §1.2.2: what is too large counts as 2^31. */
function deltaSeconds(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Math.min(Number(text), 2 ** 31) : undefined;
}
