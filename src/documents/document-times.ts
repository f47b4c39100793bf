/** When a document was fetched and for how long it may be used. */
export interface DocumentAge {
  /** By a clock that never steps back, in milliseconds, as every time without another note. */
  readonly fetchedAt: number;
  /** The same moment, by the wall clock. */
  readonly fetchedAtMs: number;
  readonly lifetimeSeconds: number;
  /** By the wall clock: past it the document is not used; `undefined` when it says nothing. */
  readonly expiresAtMs: number | undefined;
}

/** The times that decide what may be done with a document. */
export interface DocumentTimes extends Omit<DocumentAge, 'fetchedAt'> {
  /** From here on a use starts a fetch in the background. */
  readonly refreshAt: number;
  /** From here on the document is used only while the provider fails. */
  readonly freshUntil: number;
  /** From here on it is not used at all. */
  readonly staleUntil: number;
}

/**
 * Returns the times of a document.
 *
 * @param random - from 0 to 1; spreads renewals over a fifth of the lifetime, so that many gateways do not come at once
 */
export function documentTimes(
  { fetchedAt, fetchedAtMs, lifetimeSeconds, expiresAtMs }: DocumentAge,
  maxStaleSeconds: number,
  random: number,
): DocumentTimes {
  const expiresAt = expiresAtMs === undefined ? Infinity : fetchedAt + (expiresAtMs - fetchedAtMs);
  const freshUntil = Math.min(fetchedAt + lifetimeSeconds * 1000, expiresAt);
  const refreshAt = fetchedAt + (freshUntil - fetchedAt) * (0.7 + random / 5);
  const staleUntil = Math.min(freshUntil + maxStaleSeconds * 1000, expiresAt);
  return { fetchedAtMs, lifetimeSeconds, expiresAtMs, refreshAt, freshUntil, staleUntil };
}
