import { withoutQuery } from '../../kong/paths/path';

/** The target of a request line, taken apart. Everything is a byte string. */
export interface RequestTarget {
  /** The target without scheme and authority: path, query and fragment, as they came. nginx's `$request_uri`. */
  readonly origin: string;
  /** The host that the target names, with its port; `null` if it names none. */
  readonly authority: string | null;
  /** The path before Kong normalizes it. A fragment before the first `?` belongs to it. */
  readonly path: string;
  /** The query without `?`; `null` when there is not even a `?`. A fragment is not part of it. */
  readonly query: string | null;
}

/** nginx 1.25: `ngx_http_parse_request_line` takes any scheme, and these characters in a host. */
const ABSOLUTE_FORM =
  /^[a-z][a-z0-9+.-]*:\/\/(?<authority>(?:[a-z0-9.-]+|\[[a-z0-9:._~!$&'()*+,;=-]+\])(?::\d*)?)(?<rest>(?:[/?].*)?)$/is;

/** Returns the parts of a target, or `null` for one that nginx refuses with 400. */
export function parseTarget(url: string): RequestTarget | null {
  const { authority, rest = '' } = ABSOLUTE_FORM.exec(url)?.groups ?? {};
  if (authority === undefined && !url.startsWith('/')) return null;
  if (authority !== undefined && !isHost(authority)) return null;
  const origin = authority === undefined ? url : rest || '/';
  if (!isPath(origin)) return null;
  return { origin, authority: authority ?? null, path: withoutQuery(origin), query: queryOf(origin) };
}

/**
 * Whether nginx takes a `Host`: without control characters, blanks, slashes and two dots in a row, and not empty.
 *
 * nginx 1.25: `ngx_http_validate_host`
 */
export function isHost(host: string): boolean {
  if (/[\x00-\x20\x7f/]|\.\./.test(host)) return false;
  return hostName(host) !== '';
}

/** Returns a host in lower case, without its port and without a dot at the end: nginx's `$host`. */
export function hostName(host: string): string {
  const [name = ''] = /^(?:\[[^\]]*\]|[^:]*)/.exec(host) ?? [];
  return name.toLowerCase().replace(/\.$/, '');
}

/**
 * Whether nginx takes a path: every escape is complete, none is a NUL, and no `..` leads above the root. nginx undoes the
 * escapes before it looks at dots and slashes, so `%2F` divides segments here.
 *
 * nginx 1.25: `ngx_http_parse_complex_uri`, with `merge_slashes` on
 */
function isPath(origin: string): boolean {
  const [path = ''] = origin.split(/[?#]/, 1);
  if (/%(?![0-9a-f]{2})|%00/i.test(path)) return false;
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  let depth = 0;
  for (const segment of decoded.split('/')) {
    if (segment === '..') depth -= 1;
    else if (segment !== '' && segment !== '.') depth += 1;
    if (depth < 0) return false;
  }
  return true;
}

/**
 * Kong 3.9.3: an empty query is kept only if the target ends with its `?` (kong/runloop/handler.lua, `access.after`).
 */
function queryOf(origin: string): string | null {
  const [, query = ''] = /^[^?#]*\?([^#]*)/s.exec(origin) ?? [];
  return query !== '' || origin.endsWith('?') ? query : null;
}
