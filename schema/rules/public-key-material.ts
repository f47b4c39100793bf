import { createPublicKey, ECDH, X509Certificate } from 'node:crypto';

/** How many encodings inside each other are undone, such as Base64 of a JSON string of a hexadecimal number. */
const MAX_LAYERS = 4;

/** The shortest public keys have 32 bytes, and so has the shortest secret that is accepted. */
const MIN_BYTES = 32;

/** Armored keys and certificates: PEM (RFC 7468), OpenPGP, SSH2 (RFC 4716). */
const ARMOR = /-----BEGIN|---- BEGIN SSH2/;
/** A line of an `authorized_keys` or `known_hosts` file. */
const SSH_LINE = /(^|\s)(sk-)?(ssh-|ecdsa-sha2-)\S+ +AAAA/;
/** RFC 4253 §6.6: the length of the name of the key's kind, and that name. */
const SSH_BLOB = /^\0\0\0.(sk-)?(ssh-|ecdsa-sha2-)/s;
/** XML Signature 1.1 §4.5: `KeyValue`, `X509Data` and what .NET writes. */
const XML_KEY = /<(\w+:)?(RSAKeyValue|ECKeyValue|DEREncodedKeyValue|X509Certificate)[\s>]/;
/** The Base64 of DER begins with the tag of a SEQUENCE, wherever it stands in the text. */
const BASE64_DER = /(^|[^\w+/-])(M[\w+/-]{31})/;

/**
 * Whether bytes hold a public key or a certificate, in any form in which these are commonly published or copied: PEM,
 * DER, JWK, JWK set, `x5c`, SSH, XML, an uncompressed EC point; as text with other lines, byte order marks, NUL or blanks
 * around them; in Base64, hexadecimal numbers or JSON. A private key in such a form is one, too.
 *
 * It does not recognise numbers of a key that look like random bytes (the modulus alone, a single coordinate, the 32 bytes
 * of an Ed25519 key), nor archives (PKCS #7, PKCS #12), compressed or encrypted text, and other encodings. The time grows
 * with the number of bytes.
 */
export function holdsPublicKey(bytes: Buffer, layers = MAX_LAYERS): boolean {
  if (bytes.length < MIN_BYTES) return false;
  if (isBinaryKey(bytes)) return true;
  // UTF-16 is ASCII with NUL between the characters.
  const text = bytes.toString('utf8').replaceAll('\0', '').trim();
  if (ARMOR.test(text) || SSH_LINE.test(text) || XML_KEY.test(text)) return true;
  return (
    layers > 0 && (isKeyInJson(text, layers - 1) || contents(text).some((inner) => holdsPublicKey(inner, layers - 1)))
  );
}

const BINARY_READERS: readonly ((bytes: Buffer) => unknown)[] = [
  (key) => createPublicKey({ key, format: 'der', type: 'spki' }),
  (key) => createPublicKey({ key, format: 'der', type: 'pkcs1' }),
  (certificate) => new X509Certificate(certificate),
];
/** The sizes of an uncompressed point (SEC 1 §2.3.3) on the curves of ES256, ES384, ES512 and ES256K. */
const POINT_READERS: readonly (readonly [size: number, curve: string])[] = [
  [65, 'prime256v1'],
  [65, 'secp256k1'],
  [97, 'secp384r1'],
  [133, 'secp521r1'],
];

function isBinaryKey(bytes: Buffer): boolean {
  // Bytes before the first SEQUENCE, such as NUL, do not make a key secret; OpenSSL does not mind those after it.
  const start = bytes.indexOf(0x30);
  return (
    SSH_BLOB.test(bytes.toString('latin1')) ||
    (start >= 0 && BINARY_READERS.some((read) => succeeds(() => read(bytes.subarray(start))))) ||
    POINT_READERS.some(([size, curve]) => bytes.length === size && succeeds(() => ECDH.convertKey(bytes, curve)))
  );
}

/** JSON objects count whatever is in them: no secret is one. Of a list the elements count, as text or together as bytes. */
function isKeyInJson(text: string, layers: number): boolean {
  const value = /^[{["]/.test(text) ? parsed(text) : undefined;
  if (typeof value === 'string') return holdsPublicKey(Buffer.from(value), layers);
  if (!Array.isArray(value)) return typeof value === 'object' && value !== null;
  if (value.every((element) => typeof element === 'number')) return isBinaryKey(Buffer.from(value));
  return value.some((element) =>
    typeof element === 'string' ? holdsPublicKey(Buffer.from(element), layers) : typeof element === 'object',
  );
}

/** What a text is when it is read as Base64, or as hexadecimal numbers. */
function contents(text: string): readonly Buffer[] {
  const hex = text.replace(/^0x|[\s:]/g, '');
  const at = BASE64_DER.exec(text);
  return [
    Buffer.from(text, 'base64'),
    ...(at === null ? [] : [Buffer.from(text.slice(at.index + (at[1] ?? '').length), 'base64')]),
    ...(/^[0-9a-f]+$/i.test(hex) ? [Buffer.from(hex, 'hex')] : []),
  ];
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function succeeds(read: () => unknown): boolean {
  try {
    read();
    return true;
  } catch {
    return false;
  }
}
