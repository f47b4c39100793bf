import { randomUUID } from 'node:crypto';
import { exportSPKI, importJWK, SignJWT, UnsecuredJWT, type CryptoKey } from 'jose';
import { createSigningKey, type SigningKeys } from './signing-keys';
import type { User } from './users';

/** How long a token is good, in seconds. */
export const TOKEN_LIFETIME_SECONDS = 600;
/** Whom the tokens are for: the `audiences` of kong.yml. */
const AUDIENCE = 'shop';

/** A good token, or one with exactly one thing wrong. */
export const TOKEN_KINDS = ['good', 'expired', 'other-audience', 'stranger', 'unsigned', 'confused'] as const;

/** One of {@link TOKEN_KINDS}. */
export type TokenKind = (typeof TOKEN_KINDS)[number];

/** What {@link issueToken} needs. */
export interface TokenIssuer {
  /** The `iss` claim: the provider's own address. */
  readonly issuer: string;
  readonly keys: SigningKeys;
  /** The time, in milliseconds since the epoch. */
  readonly now: () => number;
}

/** Returns a token about a user. A login gives good ones only; the others are for the page, which shows them refused. */
export async function issueToken({ issuer, keys, now }: TokenIssuer, user: User, kind: TokenKind): Promise<string> {
  const lifetime = TOKEN_LIFETIME_SECONDS;
  const issuedAt = Math.floor(now() / 1000) - (kind === 'expired' ? 2 * lifetime : 0);
  const claims = {
    iss: issuer,
    sub: user.id,
    aud: kind === 'other-audience' ? 'warehouse' : AUDIENCE,
    name: user.name,
    roles: [...user.roles],
    jti: randomUUID(),
    iat: issuedAt,
    exp: issuedAt + lifetime,
  };
  if (kind === 'unsigned') return new UnsecuredJWT(claims).encode();
  const { privateKey, header, jwk } = keys.current;
  if (kind === 'confused') {
    // Algorithm confusion: the provider's public key, which everybody knows, as the secret of an HMAC.
    const pem = await exportSPKI((await importJWK(jwk)) as CryptoKey);
    return new SignJWT(claims).setProtectedHeader({ ...header, alg: 'HS256' }).sign(new TextEncoder().encode(pem));
  }
  // The stranger claims the provider's kid, of course.
  const signingKey = kind === 'stranger' ? (await createSigningKey()).privateKey : privateKey;
  return new SignJWT(claims).setProtectedHeader(header).sign(signingKey);
}
