import { decodeJwt } from 'jose';

/** How soon a gateway looks at the list again, in seconds. */
export const LIST_TTL_SECONDS = 1;

/** Tokens that the provider no longer stands by, until they would have expired. */
export class Revocations {
  readonly #expiryByJti = new Map<string, number>();

  /** @param now - the time, in milliseconds since the epoch */
  constructor(private readonly now: () => number) {}

  /** Revokes a token, or lets it count again. Returns whether it is one that can be named. */
  set(token: string, isRevoked: boolean): boolean {
    const { jti, exp } = claimsOf(token);
    if (jti === undefined || exp === undefined) return false;
    if (isRevoked) this.#expiryByJti.set(jti, exp);
    else this.#expiryByJti.delete(jti);
    return true;
  }

  /** The list as gateways read it (docs/REVOCATION.md). */
  list(issuer: string): object {
    const seconds = this.now() / 1000;
    for (const [jti, exp] of this.#expiryByJti) if (exp < seconds) this.#expiryByJti.delete(jti);
    return {
      iat: Math.floor(seconds),
      ttl: LIST_TTL_SECONDS,
      revocations: [...this.#expiryByJti].map(([jti, exp]) => ({ iss: issuer, jti, exp })),
    };
  }
}

function claimsOf(token: string): { readonly jti?: string; readonly exp?: number } {
  try {
    return decodeJwt(token);
  } catch {
    return {};
  }
}
