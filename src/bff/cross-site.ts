import { ConfigError } from '../../schema/config-error';

/** RFC 9110 §9.2.1. */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Returns whether another site may have caused a request that a browser sends with a cookie (CSRF). Safe methods are
 * exempt: they must not change anything. A request without `Sec-Fetch-Site` and without `Origin` counts as cross-site,
 * because it comes from no current browser.
 *
 * @param origin - of the BFF, as browsers see it
 * @throws ConfigError when `origin` is not an origin
 * @see Fetch Metadata Request Headers §2.3
 */
export function mayBeCrossSite({ method, headers }: Request, origin: string): boolean {
  if (SAFE_METHODS.includes(method)) return false;
  const site = headers.get('sec-fetch-site');
  return site === null ? headers.get('origin') !== normalizeOrigin(origin) : site !== 'same-origin';
}

/**
 * Returns an origin as browsers send it in `Origin`: lower case, without the default port and without a slash at the end.
 *
 * @throws ConfigError when the text is not an http or https origin
 * @see RFC 6454 §6.1
 */
export function normalizeOrigin(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url !== undefined && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
  // The URL parser also accepts "https:shop.example.com", a backslash and spaces around the text.
  if (!isOrigin || !/^https?:\/\/[^\s\\?#]+$/i.test(text)) {
    throw new ConfigError('session.origin', 'must be an origin such as https://shop.example.com, without a path');
  }
  return url.origin;
}
