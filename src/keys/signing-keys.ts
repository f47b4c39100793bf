import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, type JsonWebKey } from 'node:crypto';
import type { SigningAlgorithm, SigningKey } from '../core/identity/signing-key';

/** Environment variable with the path of the signing keys. */
export const SIGNING_KEYS_VARIABLE = 'JWT_IDENTITY_SIGNING_KEYS';

/**
 * Reads the gateway's signing keys from the text of a JWK set: the first one signs, all are published. Each must be
 * private, for Ed25519 or P-256, and have a `kid` of its own.
 *
 * @throws Error that says what is wrong and quotes nothing of a key
 * @see RFC 7517 §5
 */
export function readSigningKeys(text: string): readonly [SigningKey, ...SigningKey[]] {
  const keys = membersOf(text).map((jwk, index) => {
    const key = importSigningKey(jwk);
    if (typeof key === 'string') throw new Error(`signing key ${index + 1}: ${key}`);
    return key;
  });
  const repeated = keys.findIndex(({ kid }, index) => keys.findIndex((other) => other.kid === kid) < index);
  if (repeated >= 0) throw new Error(`signing key ${repeated + 1}: its kid stands twice`);
  const [first, ...others] = keys;
  if (first === undefined) throw new Error('there is no signing key');
  return [first, ...others];
}

/** Returns the JWK set to publish. It is made of public keys alone, so nothing private can be in it. */
export function publicKeySet(keys: readonly SigningKey[]): { readonly keys: readonly JsonWebKey[] } {
  return {
    keys: keys.map(({ kid, alg, key }) => ({
      ...createPublicKey(key).export({ format: 'jwk' }),
      kid,
      alg,
      use: 'sig',
    })),
  };
}

/**
 * Returns the text of a JWK set with the key that signs now and a new one behind it, which is published and does not sign
 * yet: services have to learn of a key before they meet it. Without a set there is only the new key, and it signs.
 *
 * @param current - the text of the set until now; other keys in it are dropped
 * @throws Error as {@link readSigningKeys} does
 */
export function announceSigningKey(alg: SigningAlgorithm, current?: string): string {
  const { privateKey } =
    alg === 'EdDSA' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const kid = randomBytes(9).toString('base64url');
  const added = { ...privateKey.export({ format: 'jwk' }), kid, alg, use: 'sig' };
  return textOf([...signingMembers(current).slice(0, 1), added]);
}

/**
 * Returns the text of a JWK set in which the last key signs; those before it are still published, so that what they
 * signed last can be verified.
 *
 * @throws Error as {@link readSigningKeys} does
 */
export function promoteSigningKey(current: string): string {
  const members = signingMembers(current);
  return textOf([...members.slice(-1), ...members.slice(0, -1)]);
}

function signingMembers(text: string | undefined): readonly unknown[] {
  if (text === undefined) return [];
  readSigningKeys(text);
  return membersOf(text);
}

function textOf(keys: readonly unknown[]): string {
  return `${JSON.stringify({ keys }, null, 2)}\n`;
}

function membersOf(text: string): readonly unknown[] {
  const set = parse(text);
  const members = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined;
  if (!Array.isArray(members)) throw new Error('not a JWK set: an object with a "keys" list (RFC 7517 §5)');
  return members;
}

/** JSON.parse quotes what it does not understand. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('not JSON');
  }
}

function importSigningKey(jwk: unknown): SigningKey | string {
  if (typeof jwk !== 'object' || jwk === null) return 'it is not an object';
  const { kid, kty, crv, alg: named } = jwk as Readonly<Record<string, unknown>>;
  if (typeof kid !== 'string' || kid === '') return 'it has no kid';
  const alg = kty === 'OKP' && crv === 'Ed25519' ? 'EdDSA' : kty === 'EC' && crv === 'P-256' ? 'ES256' : undefined;
  if (alg === undefined) return 'it is for neither Ed25519 nor P-256';
  if (named !== undefined && named !== alg) return `its alg is not ${alg}`;
  try {
    return { kid, alg, key: createPrivateKey({ format: 'jwk', key: jwk as JsonWebKey }) };
  } catch {
    return 'it is no private key';
  }
}
