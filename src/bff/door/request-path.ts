import { normalizePath } from '../../kong/paths/path';

/**
 * Escapes that no path needs: of control characters, of what divides or reads as a path (`/ \ % ; .`), and of
 * characters that stand for themselves (RFC 3986 §2.3). A service that undoes them would see another path than the
 * routes did.
 */
const NEEDLESS_ESCAPE = /%(?:[01][\da-f]|7f|2[5def]|5[cf]|3[\db]|4[1-9a-f]|5[\da]|6[1-9a-f]|7[\dae])/i;

/**
 * Returns the path of a URL as Kong's router sees it, a byte string; `undefined` for a path that is not written in the one
 * way that every server reads alike. So no spelling of a path reaches a route that was not meant: `//`, `..%2f`, `%2e%2e`,
 * `%5c`, `%00`, `%252e`, `%61` for `a`, and `;`, after which servers of Java's kind read on (`/orders;x/admin`).
 *
 * @param pathname - of a URL: the parser has resolved `.` and `..` and turned `\` into `/`, so the service gets the same
 *   path that is decided about
 */
export function requestPath(pathname: string): string | undefined {
  const isNormal =
    pathname.startsWith('/') &&
    !/\/\/|;|\\|[^\x21-\x7e]/.test(pathname) &&
    !/%(?![\da-f]{2})/i.test(pathname) &&
    !NEEDLESS_ESCAPE.test(pathname) &&
    !pathname.split('/').some((segment) => segment === '.' || segment === '..');
  return isNormal ? normalizePath(pathname) : undefined;
}
