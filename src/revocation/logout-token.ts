import { LRUCache } from 'lru-cache';
import type { Claims } from '../core/claim-selector';
import { Refusal } from '../core/refusal/refusal';
import { audienceRule, checkClaims, requiredClaims } from '../core/verification/claim-rules';
import { decodeCompactJws } from '../core/verification/compact-jws';
import type { KeySource } from '../core/verification/key-source';
import { findOwnerKey, type KeyOwner } from '../core/verification/owner-key';
import { LOGOUT_EVENT } from '../core/verification/security-event';
import { signerOf } from '../core/verification/signature';
import { MAX_NAME_LENGTH } from './revocation-entry';

/** A provider that may end sessions. */
export interface LogoutIssuer {
  readonly issuer: string;
  /** Ids under which clients of the provider log in: one of them must be in `aud`. */
  readonly clientIds: ReadonlySet<string>;
  readonly algorithms: ReadonlySet<string>;
  readonly keys: KeySource;
  /** Whether a key that names its issuer counts for tokens of that issuer only. */
  readonly keysNameIssuer: boolean;
}

/** What a provider ends. */
export interface Logout {
  readonly issuer: string;
  readonly sid: string | undefined;
  readonly sub: string | undefined;
  /** When, in seconds since the epoch. */
  readonly iat: number;
}

/** A logout whose token is used up. */
export interface TakenLogout extends Logout {
  /** Lets the token be used again, when what it says could not be done. */
  release(): void;
}

/** The type is recommended, not required: older providers send `JWT`, or none. */
const TYPES: ReadonlySet<string> = new Set(['logout+jwt', 'jwt', '']);
/** Longest token that is looked at, in characters. */
const MAX_TOKEN_LENGTH = 16_384;
/** How old a logout token may be, and by how much clocks may differ, in seconds. */
const MAX_AGE_SECONDS = 300;
const LEEWAY_SECONDS = 60;
/** Tokens that were used and are remembered until they are too old anyway. */
const MAX_USED = 100_000;

/** An entry of {@link LogoutIssuer}, as the one that judges a token is found. */
interface LogoutOwner extends KeyOwner {
  readonly clientIds: ReadonlySet<string>;
}

/**
 * Returns a function that reads logout tokens, each once. It refuses a token of an issuer that is not named, for another
 * client, without the event, with a `nonce` (an ID token must not pass for one), without `sid` and `sub`, that is older
 * than five minutes, or that was used before. The reason quotes nothing of the token.
 *
 * Only keys of the entry for the token's `iss` are tried, and of a set that several issuers share, none that names
 * another issuer. Of several entries for one issuer, one judges a token, as for access tokens.
 *
 * Used tokens are remembered in this process. One that another process accepts again ends nothing new: the same session,
 * or tokens that were issued before the same moment.
 *
 * @see OpenID Connect Back-Channel Logout 1.0 §2.4, §2.6
 */
export function logoutTokenReader(
  issuers: readonly LogoutIssuer[],
): (token: string, nowSeconds: number) => Promise<TakenLogout | Refusal> {
  const byIssuer = new Map<string, LogoutOwner[]>();
  for (const { issuer, clientIds, keys, ...judging } of issuers) {
    const owner = { issuer: { ...judging, tokenTypes: TYPES }, keys, clientIds };
    byIssuer.set(issuer, [...(byIssuer.get(issuer) ?? []), owner]);
  }
  const used = new LRUCache<string, true>({ max: MAX_USED, ttl: (MAX_AGE_SECONDS + 2 * LEEWAY_SECONDS) * 1000 });
  return async (token, nowSeconds) => {
    if (token.length > MAX_TOKEN_LENGTH) return new Refusal('token_too_large', 'the logout token is too large');
    const jws = decodeCompactJws(token);
    if (jws instanceof Refusal) return jws;
    const { header, claims } = jws;
    const iss = own(claims, 'iss');
    const owners = typeof iss === 'string' ? byIssuer.get(iss) : undefined;
    if (typeof iss !== 'string' || owners === undefined) {
      return new Refusal('token_untrusted', 'iss is none of the issuers');
    }
    const found = await findOwnerKey(owners, header, iss);
    if (found instanceof Refusal) return found;
    if ((await signerOf(token, found.alg, found.keys)) === undefined) {
      return new Refusal('token_untrusted', 'signature does not fit');
    }
    const logout = readClaims(claims, iss, found.owner, nowSeconds);
    if (logout instanceof Refusal) return logout;
    // Not before the signature is verified: nobody else can use up a token.
    const id = JSON.stringify([iss, own(claims, 'jti')]);
    if (used.has(id)) return new Refusal('token_revoked', 'the logout token was used before');
    used.set(id, true);
    return { ...logout, release: () => void used.delete(id) };
  };
}

function readClaims(claims: Claims, issuer: string, { clientIds }: LogoutOwner, nowSeconds: number): Logout | Refusal {
  const rules = {
    audience: audienceRule('aud', [...clientIds]),
    conditions: [],
    requiredClaims: requiredClaims(['iat', 'jti']),
    leewaySeconds: LEEWAY_SECONDS,
    maximumExpirationSeconds: 0,
  };
  const refused = checkClaims(claims, rules, nowSeconds);
  if (refused !== undefined) return refused;
  const [jti, sid, sub, iat] = ['jti', 'sid', 'sub', 'iat'].map((name) => own(claims, name));
  if (typeof iat !== 'number' || iat < nowSeconds - MAX_AGE_SECONDS - LEEWAY_SECONDS) {
    return new Refusal('token_expired', 'iat is too long ago');
  }
  if (typeof jti !== 'string' || jti === '') return new Refusal('claim_invalid', 'jti is not a text');
  if (own(claims, 'nonce') !== undefined) return new Refusal('claim_invalid', 'it has a nonce');
  const events = own(claims, 'events');
  const event =
    typeof events === 'object' && events !== null && Object.hasOwn(events, LOGOUT_EVENT)
      ? (events as Record<string, unknown>)[LOGOUT_EVENT]
      : undefined;
  if (typeof event !== 'object' || event === null) return new Refusal('claim_missing', 'events names no logout');
  if (!isName(sid) || !isName(sub)) return new Refusal('claim_invalid', 'sid or sub is not a text, or too long');
  if (sid === undefined && sub === undefined) return new Refusal('claim_missing', 'neither sid nor sub');
  return { issuer, sid, sub, iat };
}

function isName(value: unknown): value is string | undefined {
  return value === undefined || (typeof value === 'string' && value !== '' && value.length <= MAX_NAME_LENGTH);
}

function own(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}
