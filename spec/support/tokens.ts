import { createSecretKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { Algorithm } from '../../schema/config';

/** A key pair (or one secret, for HMAC) of a test issuer. */
export interface SigningKey {
  readonly alg: Algorithm;
  readonly kid?: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** Makes a fresh key for an algorithm. */
export function signingKey(alg: Algorithm, kid?: string): SigningKey {
  const made = keyPair(alg);
  return { alg, privateKey: made.privateKey, publicKey: made.publicKey, ...(kid !== undefined && { kid }) };
}

function keyPair(alg: Algorithm): { privateKey: KeyObject; publicKey: KeyObject } {
  const namedCurve = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }[alg as string];
  if (namedCurve !== undefined) return generateKeyPairSync('ec', { namedCurve });
  if (alg.startsWith('Ed')) return generateKeyPairSync('ed25519');
  if (!alg.startsWith('HS')) return generateKeyPairSync('rsa', { modulusLength: 2048 });
  const secret = createSecretKey(Buffer.from('0123456789abcdef'.repeat(4)));
  return { privateKey: secret, publicKey: secret };
}

/** The PEM of a key's public half. */
export function pem({ publicKey }: SigningKey): string {
  return publicKey.export({ type: 'spki', format: 'pem' }).toString();
}

/** The public JWK of a key, with `kid` and `alg` as an issuer would publish them. */
export function publicJwk({ publicKey, alg, kid }: SigningKey): Record<string, unknown> {
  return { ...publicKey.export({ format: 'jwk' }), alg, use: 'sig', ...(kid !== undefined && { kid }) };
}

/** Signs a JWT; `header` adds to or replaces the header's members. */
export async function signToken(
  key: SigningKey,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader({ alg: key.alg, ...(key.kid !== undefined && { kid: key.kid }), ...header })
    .sign(key.privateKey);
}

/** Base64url of a text, bytes or a value's JSON: for building tokens by hand. */
export function segment(value: unknown): string {
  if (Buffer.isBuffer(value)) return value.toString('base64url');
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
}
