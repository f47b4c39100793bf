/** RFC 9110 §9.2.1. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Whether a request that a browser signs with a cookie may have been caused by another site (CSRF). Safe methods are
 * let off: they must not change anything. Whoever sends neither `Sec-Fetch-Site` nor `Origin` is no browser of today,
 * and does not need a cookie.
 *
 * @param origin - the BFF's own, as browsers see it
 * @see Fetch Metadata Request Headers §2.3
 */
export function mayBeCrossSite({ method, headers }: Request, origin: string): boolean {
  if (SAFE_METHODS.includes(method)) return false;
  const site = headers.get('sec-fetch-site');
  return site === null ? headers.get('origin') !== origin : site !== 'same-origin';
}
