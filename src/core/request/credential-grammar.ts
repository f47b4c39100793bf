import type { RequestView } from './request-view';

/** A client header by its lower-case name; own members only, so that no name finds something of JavaScript's. */
export function headerOf({ headers }: RequestView, name: string): string | readonly string[] | undefined {
  return Object.hasOwn(headers, name) ? headers[name] : undefined;
}

/** Cookie pairs as sent (RFC 6265 §5.4), blanks around them included, so that the rest can be put together again. */
export function cookiePairs(request: RequestView): readonly string[] {
  const header = headerOf(request, 'cookie');
  if (header === undefined) return [];
  // HTTP/2 may split cookies over several lines (RFC 9113 §8.2.3).
  return (typeof header === 'string' ? header : header.join(';')).split(';');
}

/** Splits `name=value` at the first `=`. */
export function splitPair(pair: string): [name: string, value: string] {
  const equals = pair.indexOf('=');
  return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** Splits a cookie pair, without the blanks around name and value: servers drop them (RFC 6265 §5.2). */
export function splitCookie(pair: string): [name: string, value: string] {
  const [name, value] = splitPair(pair);
  return [name.trim(), value.trim()];
}

/** `application/x-www-form-urlencoded` decoding; text with a broken escape is taken as it is, as Kong does. */
export function decodeFormText(text: string): string {
  const spaced = text.replace(/\+/g, ' ');
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
