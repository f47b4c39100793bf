import type { KeyObject } from 'node:crypto';
import type { Algorithm } from '../../schema/config';

const CURVES: Readonly<Record<string, readonly Algorithm[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
};
const RSA: readonly Algorithm[] = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
/** RFC 7518 §3.3: "A key of size 2048 bits or larger MUST be used". */
const MIN_RSA_BITS = 2048;
/** The work of a verification grows with the square of the size; nobody publishes larger ones to be used. */
const MAX_RSA_BITS = 8192;
/** With the exponent 1 everyone can sign; a large one makes each verification as slow as a signature. */
const [MIN_RSA_EXPONENT, MAX_RSA_EXPONENT] = [3, 2 ** 32];
const HMAC: readonly (readonly [algorithm: Algorithm, leastBytes: number])[] = [
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
];

/**
 * Every encoding of an Ed25519 point of order 1, 2, 4 or 8, without its sign bit: the y coordinates 0, 1, -1, of the
 * points of order 8, and of 0 and 1 with the prime added. With such a public key everyone can sign.
 *
 * @see RFC 8032 §5.1.3; Chalkias, Garillot, Nikolaenko: "Taming the Many EdDSAs", §4
 */
const SMALL_ORDER_POINTS: ReadonlySet<string> = new Set([
  '00'.repeat(32),
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  `ed${'ff'.repeat(30)}7f`,
  `ee${'ff'.repeat(30)}7f`,
]);

/**
 * Returns what a key may verify by its type, curve and size; nothing when it is too weak, too costly or of no use here.
 * RSA keys that are bound to PSS parameters (RFC 4055) are not among them. The time grows with the size of the key.
 *
 * @see RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864
 */
export function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  const { asymmetricKeyType: type, symmetricKeySize: bytes = 0 } = key;
  if (type === undefined) return HMAC.filter(([, least]) => bytes >= least).map(([algorithm]) => algorithm);
  if (type === 'rsa') return isSoundRsa(key) ? RSA : [];
  if (type === 'ec') return CURVES[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? [];
  return type === 'ed25519' && !isSmallOrder(key) ? ['EdDSA', 'Ed25519'] : [];
}

/**
 * `asymmetricKeyDetails` of an RSA key must not be read: Node makes a BigInt of the exponent in quadratic time, 38 s for
 * one of 150 KB (Node 20.20).
 */
function isSoundRsa(key: KeyObject): boolean {
  const { n, e } = key.export({ format: 'jwk' });
  const [modulus, exponent] = [numberBytes(n), numberBytes(e)];
  if (!isOdd(modulus) || !isOdd(exponent) || exponent.length > 5) return false;
  const bits = modulus.length * 8 - Math.clz32(modulus[0] ?? 0) + 24;
  const e32 = exponent.readUIntBE(0, exponent.length);
  return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS && e32 >= MIN_RSA_EXPONENT && e32 <= MAX_RSA_EXPONENT;
}

/** Big-endian, as short as it can be, as OpenSSL writes it. */
function numberBytes(text: string | undefined): Buffer {
  return Buffer.from(text ?? '', 'base64url');
}

/** The factors of a modulus are odd primes, and so an exponent without an inverse is even (RFC 8017 §3.1). */
function isOdd(bytes: Buffer): boolean {
  return ((bytes.at(-1) ?? 0) & 1) === 1;
}

function isSmallOrder(key: KeyObject): boolean {
  const point = Buffer.from(key.export({ format: 'jwk' }).x ?? '', 'base64url');
  point.writeUInt8(point.readUInt8(31) & 0x7f, 31);
  return SMALL_ORDER_POINTS.has(point.toString('hex'));
}
