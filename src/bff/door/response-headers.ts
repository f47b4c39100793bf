import { foldHeaderName } from '../../../schema/header-name';

/**
 * Headers of a service's answer, folded, that the browser does not get: those of one connection (RFC 9110 §7.6.1), those
 * by which a service steers a proxy, and cookies. A service behind the door shares the door's origin: with `Set-Cookie`
 * it could exchange the session of a browser for another one, and it never gets a cookie back.
 */
const NOT_PASSED: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'proxy-authenticate', 'te', 'trailer', 'transfer-encoding'],
  ...['upgrade', 'set-cookie', 'set-cookie2', 'clear-site-data', 'service-worker-allowed', 'alt-svc'],
]);

const PROXY_PREFIX = 'x-accel-';

/**
 * Returns the headers of a service's answer that the browser gets.
 *
 * @param raw - names and values in turn, values as undici reads them (UTF-8)
 */
export function passedHeaders(raw: readonly string[]): Headers {
  const lines: [name: string, value: string][] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) lines.push([raw[i] ?? '', raw[i + 1] ?? '']);
  const options = lines
    .filter(([name]) => foldHeaderName(name) === 'connection')
    .flatMap(([, value]) => value.split(','));
  const dropped = new Set([...NOT_PASSED, ...options.map((option) => foldHeaderName(option.trim()))]);
  const headers = new Headers();
  for (const [name, value] of lines) {
    const folded = foldHeaderName(name);
    // `Headers` holds bytes, one character for each.
    if (!dropped.has(folded) && !folded.startsWith(PROXY_PREFIX)) {
      headers.append(name, Buffer.from(value, 'utf8').toString('latin1'));
    }
  }
  return headers;
}

/** Where a service is, and where browsers find it. */
export interface PublicPlace {
  /** Origin of the service, such as `http://10.0.0.7:8080`. */
  readonly serviceOrigin: string;
  /** Path of the service, without a slash at its end. */
  readonly servicePath: string;
  /** What the route takes off the path, without a slash at its end. */
  readonly prefix: string;
}

/**
 * Changes what would be wrong in a browser. A `Location` that names the service itself is one that browsers cannot reach:
 * it becomes the path under which they find the service, as nginx's `proxy_redirect default` does. Every other
 * `Location` is passed on.
 */
export function adaptRedirect(headers: Headers, { serviceOrigin, servicePath, prefix }: PublicPlace): void {
  const location = headers.get('location');
  if (location === null || !/^https?:/i.test(location) || !URL.canParse(location)) return;
  const { origin, pathname, search, hash } = new URL(location);
  if (origin !== serviceOrigin) return;
  const rest = pathname.startsWith(`${servicePath}/`) ? pathname.slice(servicePath.length) : pathname;
  // `//host` would be another origin.
  headers.set('location', `/${`${prefix}${rest}`.replace(/^\/+/, '')}${search}${hash}`);
}

/**
 * Keeps the answer to a known caller out of shared caches. A browser's cookie, unlike `Authorization`, does not tell them
 * that an answer is one person's (RFC 9111 §3.5). What the service itself calls public stays public.
 */
export function keepPrivate(headers: Headers): void {
  const given = headers.get('cache-control');
  if (given === null) headers.set('cache-control', 'private');
  else if (!/(?:^|[\s,])(?:public|private|no-store|s-maxage)\b/i.test(given)) {
    headers.set('cache-control', `${given}, private`);
  }
}

/**
 * Keeps an answer out of all caches, whatever the service said: it has cookies of one session. RFC 9111 §7.3 lets a shared
 * cache store them, and some do: the next browser would have this session.
 */
export function keepUnstored(headers: Headers): void {
  const isFlowing = /\bno-transform\b/i.test(headers.get('cache-control') ?? '');
  headers.set('cache-control', isFlowing ? 'no-store, no-transform' : 'no-store');
  // These count instead of `Cache-Control` for the caches that know them (RFC 9213).
  for (const name of [...headers.keys()]) {
    if (name === 'surrogate-control' || name.endsWith('cdn-cache-control')) headers.delete(name);
  }
}

/** Keeps proxies and servers from collecting events before they pass them on. */
export function keepFlowing(headers: Headers): void {
  if (!/^text\/event-stream\b/i.test(headers.get('content-type') ?? '')) return;
  const given = headers.get('cache-control');
  headers.set('cache-control', given === null ? 'no-transform' : `${given}, no-transform`);
  headers.set('x-accel-buffering', 'no');
}
