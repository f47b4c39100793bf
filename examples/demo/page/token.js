/** The parts of a token as text: its JOSE header, its claims, and the token itself. */

function toBase64url(/** @type {string} */ text) {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function fromBase64url(/** @type {string} */ text) {
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}

/** Returns the JSON in a part of a token, indented; nothing when there is none. */
function readable(part = '') {
  try {
    return JSON.stringify(JSON.parse(fromBase64url(part)), null, 2);
  } catch {
    return '';
  }
}

/** A part that holds JSON without its indentation, anything else as it is: a token can hold anything. */
function encoded(/** @type {string} */ text) {
  try {
    return toBase64url(JSON.stringify(JSON.parse(text)));
  } catch {
    return toBase64url(text);
  }
}

/** Returns what a token says. */
export function partsOf(/** @type {string} */ token) {
  const [header, claims] = token.trim().split('.');
  return { header: readable(header), claims: readable(claims) };
}

/** Returns a token with another header or other claims, and the signature that it had. */
export function withParts(
  /** @type {string} */ token,
  /** @type {{ header?: string, claims?: string }} */ { header, claims },
) {
  const [oldHeader = '', oldClaims = '', signature = ''] = token.trim().split('.');
  const parts = [
    header === undefined ? oldHeader : encoded(header),
    claims === undefined ? oldClaims : encoded(claims),
    signature,
  ];
  return parts.join('.');
}
