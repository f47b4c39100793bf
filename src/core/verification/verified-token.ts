import type { Algorithm } from '../../../schema/config';
import { checkClaims, checkTime, type ClaimRules } from './claim-rules';
import type { Claims } from '../claim-selector';
import { decodeCompactJws } from './compact-jws';
import { checkJoseHeader } from './jose-header';
import type { KeyLookup, KeySource, VerificationKey } from './key-source';
import { quote, type Observer } from '../observer';
import { Refusal } from '../refusal/refusal';
import { isSignedBy } from './signature';
import { unknownIssuer } from './unknown-issuer';

/** The time, in seconds since the epoch; fractions allowed. Asked when it is needed, so that waiting for keys does not age it. */
export type Clock = () => number;

/** An issuer whose tokens are believed, with everything that decides whether to believe one. */
export interface TrustedIssuer {
  /** Compared with `iss` character by character. */
  readonly issuer: string;
  readonly algorithms: ReadonlySet<string>;
  readonly tokenTypes: ReadonlySet<string>;
  readonly claimRules: ClaimRules;
  readonly keys: KeySource;
}

declare const verified: unique symbol;

/** A token that passed every check. Only {@link verifyToken} makes one; "proceed" with an identity cannot be built without it. */
export interface VerifiedToken {
  readonly [verified]: true;
  readonly claims: Claims;
  readonly issuer: TrustedIssuer;
  readonly key: VerificationKey;
}

/**
 * Verifies a token completely, or says why not. The order is fixed: nothing of an unverified token decides more than
 * which issuer's keys are tried, and no claim is judged before the signature is (so an answer about a claim is only
 * ever given to someone who holds a genuine token).
 *
 * @param issuers - by exact `iss`
 * @see RFC 7519 §7.2, RFC 8725
 */
export async function verifyToken(
  token: string,
  issuers: ReadonlyMap<string, TrustedIssuer>,
  clock: Clock,
  observe?: Observer,
): Promise<VerifiedToken | Refusal> {
  const jws = decodeCompactJws(token);
  if (jws instanceof Refusal) return jws;
  const { header, claims } = jws;

  const iss = Object.hasOwn(claims, 'iss') ? claims['iss'] : undefined;
  observe?.('issuer', `iss is ${quote(iss)}`);
  const issuer = typeof iss === 'string' ? issuers.get(iss) : undefined;
  if (issuer === undefined) {
    const configured = [...issuers.keys()];
    observe?.('issuer', `accepted: ${quote(configured)}`);
    return unknownIssuer(iss, configured);
  }
  const refused = ({ code, reason, hints }: Refusal, kid: string | null = null): Refusal =>
    new Refusal(code, reason, { ...hints, issuer: issuer.issuer, ...(kid !== null && { kid }) });

  observe?.('header', `alg, kid and typ are ${['alg', 'kid', 'typ'].map((name) => quote(header[name])).join(', ')}`);
  const accepted = checkJoseHeader(header, issuer.algorithms, issuer.tokenTypes);
  if (accepted instanceof Refusal) return refused(accepted);

  const lookup = await issuer.keys.find(accepted);
  if (observe !== undefined && lookup.status !== 'found') describeKeys(issuer.keys, observe);
  if (lookup.status === 'unavailable') {
    const { retryAfterSeconds } = lookup;
    return refused(new Refusal('keys_unavailable', 'no usable keys of the issuer', { retryAfterSeconds }));
  }
  if (lookup.status === 'not_found') return refused(new Refusal('token_untrusted', lookup.reason));
  const key = await signerOf(token, accepted.alg, lookup, observe);
  if (key === undefined) return refused(new Refusal('token_untrusted', 'signature does not fit'), lookup.key.kid);
  observe?.('signature', 'made with this key');

  const refusal = checkClaims(claims, issuer.claimRules, clock(), observe);
  return refusal === undefined ? ({ claims, issuer, key } as VerifiedToken) : refused(refusal, key.kid);
}

/** Tries the keys that were found one after the other; a token with a `kid` has one. */
async function signerOf(
  token: string,
  alg: Algorithm,
  { key, others = [] }: Extract<KeyLookup, { status: 'found' }>,
  observe: Observer | undefined,
): Promise<VerificationKey | undefined> {
  for (const candidate of [key, ...others]) {
    observe?.('key', `of the issuer, kid ${quote(candidate.kid)}, for ${candidate.algorithms.join(', ')}`);
    if (await isSignedBy(token, alg, candidate)) return candidate;
  }
  return undefined;
}

function describeKeys(keys: KeySource, observe: Observer): void {
  for (const finding of keys.findings?.() ?? []) observe('key', finding);
}

/**
 * Whether a token that was verified before is still good: its key is still in the set and its times still hold.
 * Everything else about it cannot have changed, as long as the trust settings are the ones that verified it.
 */
export function isStillValid({ claims, issuer, key }: VerifiedToken, clock: Clock): boolean {
  return issuer.keys.holds(key) && checkTime(claims, issuer.claimRules.leewaySeconds, clock()) === undefined;
}
