import { normalizeOrigin } from '../cross-site';

/** The longest path that is returned to, in characters: it is kept in a cookie during the login. */
const MAX_LENGTH = 1024;

/**
 * Returns the path, with its query, to which a browser may be sent after a login; `/` for everything else. Whatever the
 * text is, a redirect to what is returned stays at the own origin.
 *
 * @param text - what the browser sent as `return_to`, which anybody can put into a link
 * @param origin - of the BFF
 */
export function returnPath(text: string | null | undefined, origin: string): string {
  const own = normalizeOrigin(origin);
  // Browsers read `//host`, `/\host` and `/<tab>/host` as another origin.
  if (typeof text !== 'string' || text.length > MAX_LENGTH || !/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(text))
    return '/';
  if (!URL.canParse(text, own)) return '/';
  const url = new URL(text, own);
  return url.origin === own && !url.pathname.startsWith('//') ? url.pathname + url.search : '/';
}
