import type { Claims } from '../claim-selector';
import { Refusal } from '../refusal/refusal';

/** What to do with a claim's value that a service could misread (`identity_headers.on_unsafe`). */
export type OnUnsafe = 'refuse' | 'encode';

/** Separates the items of a list. An item that contains it is never sent as it is. */
const SEPARATOR = ',';

/**
 * Encodes a claim's value for a header, so that percent-decoding as UTF-8 (`decodeURIComponent`,
 * `urllib.parse.unquote`, `url.PathUnescape`) gives back the same text in every language. Printable ASCII but `%`
 * stands as it is, so an ordinary id or role needs no decoding. A list is its encoded items joined with `,`, without
 * those that are empty or `null`; an object is its JSON text, encoded. The separator inside a value is always encoded, so a service that
 * splits first and then decodes reads every item right, also when a claim that is usually a list happens to be one string.
 *
 * Returns `undefined` when there is nothing to send (no value, an empty string, a list without items: Kong 3.9.3 would
 * turn an empty header into a blank) and a {@link Refusal} when the value cannot be sent without a chance of being
 * misread. Nothing that says something is ever cut, merged or dropped.
 *
 * @param name - the claim's configured name, for the log
 */
export function encodeHeaderValue(value: unknown, name: string, onUnsafe: OnUnsafe): string | undefined | Refusal {
  if (value === undefined || value === null || value === '') return undefined;
  if (!Array.isArray(value)) return encodeItem(value, name, onUnsafe, false);
  const items: string[] = [];
  for (const item of value as readonly unknown[]) {
    // Providers that join tables write them for a caller without roles. They say nothing.
    if (item === null || item === '') continue;
    const encoded = encodeItem(item, name, onUnsafe, true);
    if (encoded instanceof Refusal) return encoded;
    items.push(encoded);
  }
  return items.length === 0 ? undefined : items.join(SEPARATOR);
}

/** Printable ASCII without `%`, `,` and a blank at either end: sent as it is, alone or in a list. */
const PLAIN = /^(?! )[\x20-\x24\x26-\x2b\x2d-\x7e]*[\x21-\x24\x26-\x2b\x2d-\x7e]$/;

function encodeItem(value: unknown, name: string, onUnsafe: OnUnsafe, inList: boolean): string | Refusal {
  const text = textOf(value);
  if (text === undefined) return unsafe(name, 'a number that JSON does not carry exactly, or is nested too deep');
  if (PLAIN.test(text)) return text;
  // A lone surrogate has no UTF-8 form.
  if (!text.isWellFormed()) return unsafe(name, 'text that is not Unicode');
  // A service that decodes and then splits, or writes what it decoded to a log, would be misled.
  if (onUnsafe === 'refuse') {
    const mayBeSplit = (inList || typeof value === 'string') && !(inList && isDistinguishedName(text));
    if (mayBeSplit && text.includes(SEPARATOR)) return unsafe(name, 'the separator inside an item');
    if (CONTROL.test(text)) return unsafe(name, 'a control character');
  }
  return percentEncode(text);
}

/**
 * Whether a text is an LDAP name such as `CN=admins,OU=groups,DC=example` (RFC 4514), without escapes and quotes: each
 * piece between two commas has a type and a value. None of the pieces is then a role of its own, even for a service that
 * decodes before it splits.
 */
function isDistinguishedName(text: string): boolean {
  return DISTINGUISHED_NAME.test(text);
}

const DISTINGUISHED_NAME =
  /^(?! )(?:(?:^|, ?)[A-Za-z0-9][A-Za-z0-9.-]*=[^,\\"\u0000-\u001f\u007f-\u009f\u2028\u2029]+)+$/;

/**
 * Returns all claims as JSON in base64url, which a service decodes as a whole; a {@link Refusal} when JSON does not carry
 * them exactly.
 */
export function encodeClaims(claims: Claims): string | Refusal {
  const text = textOf(claims);
  if (text === undefined)
    return new Refusal('claim_invalid', 'the claims hold a number that JSON does not carry exactly');
  return Buffer.from(text, 'utf8').toString('base64url');
}

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

/** Encodes `%`, the separator, everything outside printable ASCII, and a blank at either end. */
function percentEncode(text: string): string {
  return text.replace(/[^\x20-\x24\x26-\x2b\x2d-\x7e]+/g, encodeURIComponent).replace(/^ | $/g, '%20');
}

/**
 * The text of a JSON value; `undefined` when it holds, at any depth, an integer that a double cannot tell from its
 * neighbours (RFC 8259 §6), or is nested deeper than the stack.
 */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value, exactly);
  } catch {
    return undefined;
  }
}

function exactly(_: string, value: unknown): unknown {
  if (typeof value === 'number' && !(Math.abs(value) <= Number.MAX_SAFE_INTEGER)) throw new RangeError('inexact');
  return value;
}

function unsafe(name: string, what: string): Refusal {
  return new Refusal('claim_invalid', `claim ${name} holds ${what}`);
}
