import { Refusal } from '../refusal/refusal';
import { cookiePairs, splitCookie } from './credential-grammar';
import type { RequestView } from './request-view';

/** Cookies that may hold the token: those of the configuration, whole or in parts. */
export interface CookieSources {
  readonly cookieNames: readonly string[];
}

/** Most parts of one token. A browser keeps 4096 bytes of a cookie, and the longest token that is looked at has 64 KB. */
const MAX_PARTS = 20;

/** RFC 6265 §4.1.1: a value may be in quotes. Python's http.cookies writes them. */
const QUOTED = /^"(.*)"$/s;
/** The scheme before the token, with a blank or what `encodeURIComponent` makes of one. */
const SCHEME = /^bearer(?: |%20)+/i;

/** A cookie that may hold the token. */
interface TokenCookie {
  /** As the configuration names it. */
  readonly name: string;
  /** The number of the part, as written; `undefined` when the cookie is whole. */
  readonly part: string | undefined;
  /** Without quotes. */
  readonly value: string;
}

type TokenPart = readonly [number: string, value: string];

/**
 * Whether a cookie pair may hold the token, or a part of it (RFC 6265 §5.4). Names are compared whole and exactly. All code
 * that reads, hides or guards a token's cookie asks this, so that none of it sees a cookie that the rest overlooks.
 */
export function isTokenCookie(pair: string, sources: CookieSources): boolean {
  return tokenCookie(pair, sources) !== undefined;
}

/** Whether a request has a cookie that may hold its token: a browser may have sent it because another site asked. */
export function hasTokenCookie(request: RequestView, sources: CookieSources): boolean {
  return cookiePairs(request).some((pair) => isTokenCookie(pair, sources));
}

/** Returns the names of the request's cookies that may hold the token, as the client sent them, each once. */
export function tokenCookieNames(request: RequestView, sources: CookieSources): readonly string[] {
  const pairs = cookiePairs(request).filter((pair) => isTokenCookie(pair, sources));
  return [...new Set(pairs.map((pair) => splitCookie(pair)[0]))];
}

/**
 * Returns the `Set-Cookie` value that makes a browser forget a cookie. One that was set for another path, or for a domain,
 * stays. `Secure` is there where the name demands it, since a browser ignores the line without it.
 *
 * @param name - of {@link tokenCookieNames}
 * @see RFC 6265 §3.1; RFC 6265bis §4.1.3 (`__Host-`, `__Secure-`)
 */
export function expiredCookie(name: string): string {
  return `${name}=; Path=/; Max-Age=0${/^__(host|secure)-/i.test(name) ? '; Secure' : ''}`;
}

/**
 * Yields every token in cookies, with the place: the value of each cookie that is named, and what the parts `name.0`,
 * `name.1` … of a name are together, as next-auth, Supabase and WorkOS write a token that is too long for one cookie.
 * A value loses its quotes and the word Bearer. Parts that are not numbered from 0 without a gap are a {@link Refusal}.
 */
export function* cookieTokens(
  request: RequestView,
  sources: CookieSources,
): Generator<readonly [place: string, found: string | Refusal]> {
  const parts = new Map<string, TokenPart[]>();
  for (const pair of cookiePairs(request)) {
    const cookie = tokenCookie(pair, sources);
    if (cookie === undefined) continue;
    const { name, part, value } = cookie;
    if (part === undefined) {
      yield [`the cookie ${name}`, withoutScheme(value)];
      continue;
    }
    const found = parts.get(name);
    if (found === undefined) parts.set(name, [[part, value]]);
    else found.push([part, value]);
  }
  for (const [name, found] of parts) yield [`the parts of the cookie ${name}`, joined(name, found)];
}

function tokenCookie(pair: string, { cookieNames }: CookieSources): TokenCookie | undefined {
  const [name, text] = splitCookie(pair);
  const value = QUOTED.exec(text)?.[1] ?? text;
  if (cookieNames.includes(name)) return { name, part: undefined, value };
  const dot = name.lastIndexOf('.');
  const [whole, part] = [name.slice(0, Math.max(dot, 0)), name.slice(dot + 1)];
  return /^\d+$/.test(part) && cookieNames.includes(whole) ? { name: whole, part, value } : undefined;
}

/** Two parts of one number with different values are two tokens, whichever a service would take. */
function joined(name: string, parts: readonly TokenPart[]): string | Refusal {
  const malformed = (what: string): Refusal =>
    new Refusal('credentials_malformed', `parts of the cookie ${name}: ${what}`);
  if (parts.length > MAX_PARTS) return malformed('too many');
  const values = new Map<number, string>();
  for (const [part, value] of parts) {
    const index = Number(part);
    if (String(index) !== part) return malformed('a number is not written plainly');
    if ((values.get(index) ?? value) !== value) return new Refusal('tokens_conflict', `cookie ${name}.${part} twice`);
    values.set(index, value);
  }
  const texts = Array.from({ length: values.size }, (_, index) => values.get(index));
  return texts.includes(undefined) ? malformed('one is missing') : withoutScheme(texts.join(''));
}

function withoutScheme(value: string): string {
  return value.replace(SCHEME, '');
}
