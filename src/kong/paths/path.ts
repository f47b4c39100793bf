/** Paths are strings of bytes: one character for each byte, as Node's HTTP parser gives them. */

/** RFC 3986 §2.2 and `%`: an escaped one of these means something else than the character itself, so it stays escaped. */
const RESERVED = new Set("!*'();:@&=+$,/?%#[]");

/**
 * Returns a path as Kong's router sees it: escapes undone unless the character is reserved, `.` and `..` segments
 * resolved, runs of slashes merged. Routes are matched against this, so `/%61dmin`, `//admin` and `/x/../admin` cannot
 * slip past a route for `/admin`.
 *
 * Kong 3.9.3: kong/tools/uri.lua, `normalize`
 */
export function normalizePath(path: string): string {
  const decoded = path.replace(/%([0-9a-f]{2})/gi, (escape, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return RESERVED.has(char) ? escape.toUpperCase() : char;
  });
  if (!/\.|\/\//.test(decoded)) return decoded;
  const segments: string[] = [];
  const [first = '', ...rest] = decoded.split('/');
  if (first !== '' && first !== '.' && first !== '..') segments.push(first);
  rest.forEach((segment, i) => {
    const isLast = i === rest.length - 1;
    if (segment === '..') segments.pop();
    if (segment !== '.' && segment !== '..' && (segment !== '' || isLast)) segments.push(`/${segment}`);
    else if (isLast) segments.push('/');
  });
  return segments.join('');
}

/** Returns a path that is safe in a request line: what is neither unreserved nor reserved is escaped. */
export function escapePath(path: string): string {
  return path.replace(/[^!#$&'()*+,/:;=?@[\]A-Za-z0-9\-_.~%]/g, (char) => {
    return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

/** Returns what stands before the first `?`, which is not looked for at the very start, as in Kong. */
export function withoutQuery(target: string): string {
  const at = target.indexOf('?', 1);
  return at === -1 ? target : target.slice(0, at);
}

/**
 * Returns the path to ask the service for.
 *
 * @param path - the request's path, normalized
 * @param prefix - what the route matched and is to be taken off, or `null` for a route that keeps its path
 * @param base - the service's own path
 *
 * Kong 3.9.3: kong/router/utils.lua, `get_upstream_uri_v0` and `sanitize_uri_postfix`
 */
export function upstreamPath(path: string, prefix: string | null, base: string | null): string {
  const root = base ?? '/';
  const trunk = root.endsWith('/') ? root.slice(0, -1) : root;
  if (prefix === null) return root === '/' || path !== '/' ? trunk + path : root;
  const rest = afterPrefix(path.slice(prefix.length));
  if (rest !== '') return rest.startsWith('/') ? trunk + rest : `${trunk}/${rest}`;
  if (root.endsWith('/')) return trunk === '' || path.endsWith('/') ? root : trunk;
  return path.length > 1 && path.endsWith('/') ? `${root}/` : root;
}

/** What is left after a prefix was cut off in the middle of a segment must not become a step upwards. */
function afterPrefix(rest: string): string {
  if (rest === '.' || rest === '..') return '';
  return rest.replace(/^\.\.?\//, '');
}
