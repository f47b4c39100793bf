/** A value that is too long for one cookie, in several: `name.0`, `name.1` and so on. */
import { ConfigError } from '../../../schema/config-error';

/** Browsers keep 4096 bytes of name, value and attributes (RFC 6265 §6.1). */
const MAX_PART_LENGTH = 3800;
/** Node takes 16 KiB of headers, and other headers need their room. */
const MAX_PARTS = 3;

/** The attributes of a cookie. */
export interface CookieAttributes {
  /** Seconds for which the browser keeps it. */
  readonly maxAgeSeconds: number;
}

/** The attributes without which no cookie of a session may be. `__Host-` makes browsers insist on the last two. */
const ATTRIBUTES = 'HttpOnly; SameSite=Lax; Secure; Path=/';

/** RFC 6265 §4.1.1 cookie-name, with the prefix of RFC 6265bis §4.1.3.2. */
const HOST_COOKIE = /^__Host-[!#$%&'*+\-.^`|~\w]+$/;

/**
 * Returns a name for cookies of a session, which must begin with `__Host-`. Browsers then keep such cookies only from this
 * very host: another host of the same domain could otherwise put its own user's session into this browser, for the paths
 * that it chooses. `Secure` and `Path=/`, which the prefix demands, are there anyway, also on http://localhost.
 *
 * @throws ConfigError for another name
 */
export function sessionCookieName(name: string): string {
  if (HOST_COOKIE.test(name)) return name;
  throw new ConfigError(
    'cookie',
    'must be a cookie name that begins with __Host-, such as __Host-session: others can be set by any host of the same domain',
  );
}

/** Returns the value that a request's cookies of a name have together; `undefined` when one is missing or there twice. */
export function readCookieParts(request: Request, name: string): string | undefined {
  const parts = ownCookies(request, name);
  if (parts.length === 0 || parts.length > MAX_PARTS) return undefined;
  // Of as many numbers as there are parts, one is missing when another is there twice.
  const texts = Array.from({ length: parts.length }, (_, i) => parts.find(([number]) => number === i)?.[1]);
  return texts.includes(undefined) ? undefined : texts.join('');
}

/** Whether a request has any cookie of a name. */
export function hasCookieParts(request: Request, name: string): boolean {
  return ownCookies(request, name).length > 0;
}

/**
 * Returns the lines of `Set-Cookie` that make a browser keep a value, and forget parts of a longer one before it;
 * `undefined` when it is too long.
 */
export function writeCookieParts(
  name: string,
  value: string,
  { maxAgeSeconds }: CookieAttributes,
): readonly string[] | undefined {
  const count = Math.ceil(value.length / MAX_PART_LENGTH);
  if (count > MAX_PARTS) return undefined;
  return Array.from({ length: MAX_PARTS }, (_, i) => {
    const part = value.slice(i * MAX_PART_LENGTH, (i + 1) * MAX_PART_LENGTH);
    return part === '' ? forgotten(name, i) : `${name}.${i}=${part}; Max-Age=${maxAgeSeconds}; ${ATTRIBUTES}`;
  });
}

/** Returns the lines of `Set-Cookie` that make a browser forget a value. */
export function forgetCookieParts(name: string): readonly string[] {
  return Array.from({ length: MAX_PARTS }, (_, i) => forgotten(name, i));
}

function forgotten(name: string, part: number): string {
  return `${name}.${part}=; Max-Age=0; ${ATTRIBUTES}`;
}

function ownCookies({ headers }: Request, name: string): (readonly [number: number, value: string])[] {
  return (headers.get('cookie') ?? '').split(';').flatMap((pair) => {
    const at = pair.indexOf('=');
    const own = pair.slice(0, Math.max(at, 0)).trim();
    const number = own.startsWith(`${name}.`) ? own.slice(name.length + 1) : '';
    return /^\d$/.test(number) ? [[Number(number), pair.slice(at + 1).trim()] as const] : [];
  });
}
