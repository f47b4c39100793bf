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
const [MIN_RSA_EXPONENT, MAX_RSA_EXPONENT] = [3n, 2n ** 32n];
const HMAC: readonly (readonly [algorithm: Algorithm, leastBytes: number])[] = [
  ['HS256', 32],
  ['HS384', 48],
  ['HS512', 64],
];

/**
 * Returns what a key may verify by its type, curve and size; nothing when it is too weak, too costly or of no use here.
 * RSA keys that are bound to PSS parameters (RFC 4055) are not among them.
 *
 * @see RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864
 */
export function algorithmsOf(key: KeyObject): readonly Algorithm[] {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details = {}, symmetricKeySize: bytes = 0 } = key;
  if (type === undefined) return HMAC.filter(([, least]) => bytes >= least).map(([algorithm]) => algorithm);
  if (type === 'rsa') return isSoundRsa(details) ? RSA : [];
  if (type === 'ec') return CURVES[details.namedCurve ?? ''] ?? [];
  return type === 'ed25519' ? ['EdDSA', 'Ed25519'] : [];
}

function isSoundRsa({
  modulusLength: bits = 0,
  publicExponent: e = 0n,
}: KeyObject['asymmetricKeyDetails'] & {}): boolean {
  return bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS && e >= MIN_RSA_EXPONENT && e <= MAX_RSA_EXPONENT;
}
