import { createSecretKey, type KeyObject } from 'node:crypto';
import type { Algorithm } from '../../schema/config';
import { holdsPublicKey } from '../../schema/rules/public-key-material';
import type { VerificationKey } from '../core/verification/key-source';
import { algorithmsOf } from './key-algorithms';
import { importPublicJwk } from './public-jwk';

/** Why a JWK is of no use, in words that hold nothing of the key. */
export interface UnusableJwk {
  readonly reason: string;
}

/** Members that only a private or secret key has (RFC 7518 §6.2.2, §6.3.2, §6.4; RFC 8037 §2). */
const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'];
/** In UTF-16 units. A `kid` is kept, compared and counted by; providers use some forty characters. */
const MAX_KID_LENGTH = 1024;
/** As long as a configured issuer may be. */
const MAX_ISSUER_LENGTH = 2048;

/** Values of `use` with which a key may verify JWTs: RFC 7517 §4.2, and SPIFFE's JWT-SVID §4.2.2. */
const SIGNING_USES: readonly unknown[] = ['sig', 'jwt-svid'];

/**
 * Makes a verification key of a member of a JWK set, or says why it is of no use. What it may verify is what its type,
 * curve and size allow, narrowed by its `alg`; `use` and `key_ops`, when there, must allow verifying. Certificates in
 * it (`x5c`, `x5u`) are not looked at. The length of every member that is decoded is bounded before.
 *
 * A member that is null, an empty text or an empty list counts as absent, as serializers of .NET and Java write it; an
 * empty `kid` is a name like any other.
 *
 * @param acceptSecrets - whether `oct` keys are taken; only from the configuration, never from the network
 * @see RFC 7517 §4
 */
export function importJwk(jwk: unknown, acceptSecrets: boolean): VerificationKey | UnusableJwk {
  if (typeof jwk !== 'object' || jwk === null || Array.isArray(jwk)) return { reason: 'it is not an object' };
  const own = (name: string): unknown =>
    Object.hasOwn(jwk, name) ? ((jwk as Record<string, unknown>)[name] ?? undefined) : undefined;
  const member = (name: string): unknown => (isEmpty(own(name)) ? undefined : own(name));

  const [kty, alg, use, ops] = ['kty', 'alg', 'use', 'key_ops'].map(member);
  const kid = own('kid');
  const issuer = member('issuer');
  if (PRIVATE_MEMBERS.some((name) => member(name) !== undefined)) return { reason: 'it is a private key' };
  if (kid !== undefined && typeof kid !== 'string') return { reason: 'its kid is not a string' };
  if (kid !== undefined && kid.length > MAX_KID_LENGTH) return { reason: 'its kid is too long' };
  // Not of RFC 7517: Entra ID names the issuer for whose tokens a key counts.
  if (issuer !== undefined && (typeof issuer !== 'string' || issuer.length > MAX_ISSUER_LENGTH)) {
    return { reason: 'its issuer is not a string, or too long' };
  }
  if (use !== undefined && !SIGNING_USES.includes(use)) return { reason: 'its use is not sig' };
  if (ops !== undefined && !(Array.isArray(ops) && ops.includes('verify'))) {
    return { reason: 'its key_ops do not include verify' };
  }
  if (kty === 'oct' && !acceptSecrets) return { reason: 'it is a secret' };

  const key = kty === 'oct' ? importSecret(member('k')) : importPublicJwk(kty, member);
  if ('reason' in key) return key;
  const fitting = algorithmsOf(key);
  const algorithms =
    alg === undefined ? fitting : fitting.filter((algorithm): algorithm is Algorithm => algorithm === alg);
  if (algorithms.length === 0) return { reason: 'it fits no accepted algorithm, or it is weak or too large' };
  return { kid: kid ?? null, algorithms, key, ...(issuer !== undefined && { issuer }) };
}

function isEmpty(value: unknown): boolean {
  return value === '' || (Array.isArray(value) && value.length === 0);
}

function importSecret(k: unknown): KeyObject | UnusableJwk {
  if (typeof k !== 'string') return { reason: 'its k is not a string' };
  const bytes = Buffer.from(k, 'base64url');
  // CVE-2026-39999 and many before it: with a public key as HMAC secret, everyone can sign.
  if (holdsPublicKey(bytes)) return { reason: 'its k is a public key or certificate, which everyone may know' };
  return createSecretKey(bytes);
}
