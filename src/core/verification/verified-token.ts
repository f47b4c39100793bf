import type { Caller } from './caller';
import { checkClaims, checkTime } from './claim-rules';
import type { Claims } from '../claim-selector';
import { decodeCompactJws } from './compact-jws';
import type { IssuerDirectory } from './issuer-directory';
import type { KeySource, VerificationKey } from './key-source';
import { quote, type Observer } from '../observer';
import { findOwnerKey } from './owner-key';
import { Refusal } from '../refusal/refusal';
import { refuseSecurityEvent } from './security-event';
import { signerOf } from './signature';
import type { TokenOwner, TrustedIssuer } from './trusted-issuer';
import { unknownIssuer } from './unknown-issuer';

/** The time, in seconds since the epoch; fractions allowed. Asked when it is needed, so that waiting for keys does not age it. */
export type Clock = () => number;

declare const verified: unique symbol;

/** A token that passed every check. Only {@link verifyToken} makes one; "proceed" with an identity cannot be built without it. */
export interface VerifiedToken {
  readonly [verified]: true;
  readonly claims: Claims;
  /** The entry that vouches for it. */
  readonly issuer: TrustedIssuer;
  readonly caller: Caller;
  readonly key: VerificationKey;
  /** Where {@link key} is from. */
  readonly keys: KeySource;
}

/**
 * Verifies a token completely, or says why not. The order is fixed: nothing of an unverified token decides more than
 * which entry's keys are tried, and no claim is judged before the signature is (so an answer about a claim is only
 * ever given to someone who holds a genuine token).
 *
 * @see RFC 7519 §7.2, RFC 8725
 */
export async function verifyToken(
  token: string,
  issuers: IssuerDirectory,
  clock: Clock,
  observe?: Observer,
): Promise<VerifiedToken | Refusal> {
  const jws = decodeCompactJws(token);
  if (jws instanceof Refusal) return jws;
  const { header, claims } = jws;

  const iss = Object.hasOwn(claims, 'iss') ? claims['iss'] : undefined;
  observe?.('issuer', `iss is ${quote(iss)}`);
  const owners = typeof iss === 'string' ? issuers.ownersOf(iss) : [];
  const [first] = owners;
  if (typeof iss !== 'string' || first === undefined) {
    observe?.('issuer', `accepted: ${quote(issuers.names)}`);
    return unknownIssuer(iss, issuers.names);
  }
  const refused = ({ code, reason, hints }: Refusal, kid: string | null = null): Refusal =>
    new Refusal(code, reason, { ...hints, issuer: first.issuer.issuer, ...(kid !== null && { kid }) });

  observe?.('header', `alg, kid and typ are ${['alg', 'kid', 'typ'].map((name) => quote(header[name])).join(', ')}`);
  const found = await findOwnerKey(owners, header, iss, observe);
  if (found instanceof Refusal) return refused(found);
  const { owner, alg } = found;
  const key = await signerOf(token, alg, found.keys, observe);
  if (key === undefined) return refused(new Refusal('token_untrusted', 'signature does not fit'), found.keys.key.kid);
  observe?.('signature', 'made with this key');

  const { issuer, keys, tenant } = owner;
  const refusal =
    checkTenant(claims, owner, observe) ??
    refuseSecurityEvent(header, claims, observe) ??
    checkClaims(claims, issuer.claimRules, clock(), observe);
  if (refusal !== undefined) return refused(refusal, key.kid);
  const caller = issuer.readCaller(claims, iss, tenant);
  if (issuer.own.id && caller.id === undefined) {
    return refused(new Refusal('claim_missing', 'none of caller_claims'), key.kid);
  }
  return { claims, issuer, caller, key, keys } as VerifiedToken;
}

/** With one key set for all tenants, `iss` alone would let a token of one tenant pass for another's. */
function checkTenant(
  claims: Claims,
  { issuer: { tenants }, tenant }: TokenOwner,
  observe: Observer | undefined,
): Refusal | undefined {
  if (tenants?.claim === undefined) return undefined;
  const value = tenants.select(claims);
  observe?.('claim', `${tenants.claim} is ${quote(value)}; the tenant in iss is ${quote(tenant)}`);
  return value === tenant ? undefined : new Refusal('claim_invalid', `${tenants.claim} is not the tenant of iss`);
}

/**
 * Whether a token that was verified before is still good: its key is still in the set and its times still hold.
 * Everything else about it cannot have changed, as long as the trust settings are the ones that verified it.
 */
export function isStillValid({ claims, issuer, keys, key }: VerifiedToken, clock: Clock): boolean {
  return keys.holds(key) && checkTime(claims, issuer.claimRules.leewaySeconds, clock()) === undefined;
}
