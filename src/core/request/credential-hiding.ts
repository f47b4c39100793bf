import { fromHeader, type TokenSources } from './bearer-token';
import { isTokenCookie } from './cookie-token';
import { cookiePairs, decodeFormText, headerOf, splitPair } from './credential-grammar';
import type { RequestView } from './request-view';
import { SUBPROTOCOL_HEADER, withoutSubprotocolTokens } from './subprotocol-token';

/** What has to change in a request so that its token does not travel on. */
export interface HiddenCredentials {
  /** New header values by lower-case name; an empty list removes the header. */
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** The query string without the token; `undefined` when it stays as it is. */
  readonly rawQuery: string | undefined;
}

/**
 * Takes the token out of every configured place, also where several held the same one. Credentials of another scheme
 * in `Authorization` stay. So do other cookies and other parameters, as text: bytes that are not UTF-8 became U+FFFD on the
 * way here (Kong 3.9.3: ProtoBuf:1 carries text), and stay that.
 */
export function hideCredentials(request: RequestView, sources: TokenSources): HiddenCredentials {
  const headers: Record<string, string | readonly string[]> = {};
  for (const name of sources.headerNames) {
    const value = headerOf(request, name);
    const left = value === undefined ? undefined : withoutToken(name, value);
    if (left !== undefined) headers[name] = left;
  }
  const cookies = sources.cookieNames.length > 0 ? withoutCookies(request, sources) : undefined;
  if (cookies !== undefined) headers['cookie'] = cookies;
  return { headers, rawQuery: withoutParameters(request.rawQuery, sources.uriParamNames) };
}

/** What is left of a header, `[]` when nothing is; `undefined` when it stays as it is. */
function withoutToken(name: string, value: string | readonly string[]): string | readonly string[] | undefined {
  if (name === SUBPROTOCOL_HEADER) return withoutSubprotocolTokens(value);
  // What could not be read as a token goes as well: a preflight passes without anybody having looked at it.
  return fromHeader(name, value) === undefined ? undefined : [];
}

/** The `Cookie` header without the named cookies, `[]` when nothing is left; `undefined` when none was there. */
function withoutCookies(request: RequestView, sources: TokenSources): string | readonly string[] | undefined {
  const all = cookiePairs(request);
  const kept = all.filter((pair) => !isTokenCookie(pair, sources));
  if (kept.length === all.length) return undefined;
  return kept.length === 0 ? [] : kept.join(';').trimStart();
}

function withoutParameters(rawQuery: string | undefined, names: readonly string[]): string | undefined {
  if (rawQuery === undefined || names.length === 0) return undefined;
  const all = rawQuery.split('&');
  const kept = all.filter((part) => !names.includes(decodeFormText(splitPair(part)[0])));
  return kept.length === all.length ? undefined : kept.join('&');
}
