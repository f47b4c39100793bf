import { createHash } from 'node:crypto';
import { SignJWT } from 'jose';
import type { IdentityTokenConfig } from '../../../schema/config';
import type { RequestView } from '../request/request-view';
import type { SigningKeySource } from './signing-key';
import type { Clock, VerifiedToken } from '../verification/verified-token';

/** RFC 8725 §3.11: says what the token is, so that nobody takes it for an access token, nor one of those for it. */
export const IDENTITY_TOKEN_TYPE = 'gateway-identity+jwt';

/** Claim with every identity header that the gateway wrote: an object of values by name in lower case. */
export const IDENTITY_HEADERS_CLAIM = 'identity_headers';

/** Claim with the {@link requestHash} of the request that the token was made for. */
export const REQUEST_HASH_CLAIM = 'request_hash';

/** Signs what the gateway knows about a request, for one service. */
export interface IdentityTokenIssuer {
  /** Name of the header that holds the token. */
  readonly header: string;
  /** Whether {@link RequestView.method} and {@link RequestView.path} are needed. */
  readonly bindsRequest: boolean;
  /** Returns the header with the token. Rejects when there is no key to sign with, or no path to bind to. */
  issue(
    token: VerifiedToken | undefined,
    identity: Readonly<Record<string, string>>,
    request: RequestView,
    clock: Clock,
  ): Promise<Readonly<Record<string, string>>>;
}

/** A token that was signed, or is about to be. */
interface Issued {
  readonly headers: ReturnType<IdentityTokenIssuer['issue']>;
  /** Until when it is handed out again, in seconds since the epoch. */
  readonly reuseUntil: number;
}

/**
 * Compiles `identity_token`. What was signed for a verified token is kept with it and used again during the first half
 * of its life, so signing costs next to nothing; a token that is bound to a request is signed for each.
 *
 * @param leewaySeconds - how much longer than its `exp` the token of a caller is accepted
 */
export function identityTokenIssuer(
  { header, issuer, audience, lifetime, bindRequest }: IdentityTokenConfig,
  leewaySeconds: number,
  signingKey: SigningKeySource,
): IdentityTokenIssuer {
  // A token's own object is the key: it lives as long as the verification is cached, and so does what was signed for it.
  const issued = new WeakMap<object, Issued>();
  const anonymous = {};

  const sign: IdentityTokenIssuer['issue'] = async (token, identity, request, clock) => {
    const claims = {
      iss: issuer,
      aud: audience,
      ...callerClaims(token),
      [IDENTITY_HEADERS_CLAIM]: Object.fromEntries(
        Object.entries(identity).map(([name, value]) => [name.toLowerCase(), value]),
      ),
      ...(bindRequest && { [REQUEST_HASH_CLAIM]: boundTo(request) }),
    };
    const { iat, exp } = lifetimeOf(token, lifetime, leewaySeconds, clock());
    const { alg, kid, key } = signingKey();
    const jwt = new SignJWT({ ...claims, iat, exp }).setProtectedHeader({ typ: IDENTITY_TOKEN_TYPE, alg, kid });
    return { [header]: await jwt.sign(key) };
  };

  return {
    header,
    bindsRequest: bindRequest,
    issue: async (token, identity, request, clock) => {
      if (bindRequest) return sign(token, identity, request, clock);
      const caller = token ?? anonymous;
      const now = clock();
      const known = issued.get(caller);
      if (known !== undefined && now < known.reuseUntil) return known.headers;
      const { exp } = lifetimeOf(token, lifetime, leewaySeconds, now);
      const headers = sign(token, identity, request, clock);
      issued.set(caller, { headers, reuseUntil: now + (exp - now) / 2 });
      // A failure is not kept: the next request tries again.
      headers.catch(() => issued.delete(caller));
      return headers;
    },
  };
}

/**
 * Returns the hash that binds a token to a request: of the method, a line feed and the path, without the query, as the
 * service receives them; SHA-256 in base64url.
 */
export function requestHash(method: string, path: string): string {
  return createHash('sha256').update(`${method}\n${path}`).digest('base64url');
}

function boundTo({ method, path }: RequestView): string {
  if (method === undefined || path === undefined) throw new Error('the request to bind to is not known');
  return requestHash(method, path);
}

/** What a service that reads nothing but the token wants to know. */
function callerClaims(token: VerifiedToken | undefined): Readonly<Record<string, unknown>> {
  if (token === undefined) return {};
  const { claims, caller, issuer } = token;
  const sub = issuer.own.id ? caller.id : claims['sub'];
  return { ...(typeof sub === 'string' && { sub }), ...(caller.roles.length > 0 && { roles: caller.roles }) };
}

/** It must not outlive the token of the caller, which is accepted until `exp` + leeway. */
function lifetimeOf(
  token: VerifiedToken | undefined,
  lifetimeSeconds: number,
  leewaySeconds: number,
  now: number,
): { readonly iat: number; readonly exp: number } {
  const iat = Math.floor(now);
  const end = typeof token?.claims['exp'] === 'number' ? token.claims['exp'] + leewaySeconds : Infinity;
  return { iat, exp: Math.min(iat + lifetimeSeconds, Math.ceil(end)) };
}
