import type { ClaimCondition } from '../claim-condition';
import { claimSelector, type Claims, type ClaimSelector } from '../claim-selector';
import { quote, type Observer } from '../observer';
import { Refusal } from '../refusal/refusal';

/** What a claims set must satisfy besides its signature. Times are in seconds. */
export interface ClaimRules {
  /** `undefined`: any audience, which the configuration has to say out loud. */
  readonly audience: AudienceRule | undefined;
  readonly requiredClaims: readonly RequiredClaim[];
  readonly conditions: readonly ClaimCondition[];
  readonly leewaySeconds: number;
  /** Longest accepted `exp - iat`; 0: no limit. */
  readonly maximumExpirationSeconds: number;
  /** Tokens with an earlier `iat` are revoked, in seconds since the epoch; 0 or left out: none. */
  readonly issuedBeforeSeconds?: number;
}

/** Which claim must hold one of the accepted audiences. */
export interface AudienceRule {
  /** As the configuration names it: `aud` unless it says otherwise. */
  readonly claim: string;
  readonly select: ClaimSelector;
  readonly accepted: ReadonlySet<string>;
}

/** A claim that must be present, with the name that the configuration gives it. */
export interface RequiredClaim {
  readonly name: string;
  readonly select: ClaimSelector;
}

/** The last second of the year 9999. A larger NumericDate is in milliseconds or worse, and would never expire. */
const LATEST_NUMERIC_DATE = 253_402_300_799;

/** Compiles the names of required claims (`required_claims`). */
export function requiredClaims(names: readonly string[]): RequiredClaim[] {
  return names.map((name) => ({ name, select: claimSelector(name) }));
}

/** Compiles the names of accepted audiences, and of the claim that holds them. */
export function audienceRule(claim: string, audiences: readonly string[]): AudienceRule {
  return { claim, select: claimSelector(claim), accepted: new Set(audiences) };
}

/**
 * Checks a claims set whose signature is verified: registered time claims well-formed, audience, required claims,
 * conditions, lifetime, time. Returns `undefined` when it passes. It does not check `iss` (that chose the keys) nor `typ`.
 *
 * @param nowSeconds - the time, in seconds since the epoch; fractions allowed
 * @see RFC 7519 §4.1
 */
export function checkClaims(
  claims: Claims,
  rules: ClaimRules,
  nowSeconds: number,
  observe?: Observer,
): Refusal | undefined {
  if (observe !== undefined) describeClaims(claims, rules, nowSeconds, observe);
  for (const name of ['exp', 'nbf', 'iat']) {
    if (Object.hasOwn(claims, name) && !isNumericDate(claims[name])) {
      return new Refusal('claim_invalid', `${name} is not a NumericDate`);
    }
  }
  const { audience } = rules;
  if (audience !== undefined && !hasAudience(audience.select(claims), audience.accepted)) {
    const accepted = [...audience.accepted];
    return new Refusal('audience_not_accepted', `${audience.claim} names none of the audiences`, { accepted });
  }
  for (const { name, select } of rules.requiredClaims) {
    if (select(claims) === undefined) return new Refusal('claim_missing', `required claim ${name}`);
  }
  for (const { claim, demand, select, accepts } of rules.conditions) {
    if (!accepts(select(claims))) return new Refusal('claim_invalid', `claim ${claim} does not meet ${demand}`);
  }
  return (
    checkLifetime(claims, rules) ??
    checkTime(claims, rules.leewaySeconds, nowSeconds) ??
    checkIssueTime(claims, rules.issuedBeforeSeconds)
  );
}

/**
 * Checks `exp`, `nbf` and `iat` against the time; asked anew on every use of a cached verification. The claims must
 * have passed {@link checkClaims} once, so that they are numbers. A token is expired **at** `exp` + leeway and valid
 * **at** `nbf` - leeway.
 *
 * @see RFC 7519 §4.1.4–4.1.6
 */
export function checkTime(claims: Claims, leewaySeconds: number, nowSeconds: number): Refusal | undefined {
  const { exp, nbf, iat } = claims as Partial<Record<'exp' | 'nbf' | 'iat', number>>;
  if (exp !== undefined && nowSeconds >= exp + leewaySeconds) return new Refusal('token_expired', 'exp is past');
  if (nbf !== undefined && nowSeconds < nbf - leewaySeconds) {
    return new Refusal('token_not_yet_valid', 'nbf is in the future');
  }
  if (iat !== undefined && nowSeconds < iat - leewaySeconds) {
    return new Refusal('token_not_yet_valid', 'iat is in the future');
  }
  return undefined;
}

/** Without `iat` nobody knows how long a token was meant to live, so a limit makes both claims mandatory. */
function checkLifetime(claims: Claims, { maximumExpirationSeconds: limit }: ClaimRules): Refusal | undefined {
  if (limit === 0) return undefined;
  const { exp, iat } = claims as Partial<Record<'exp' | 'iat', number>>;
  if (exp === undefined || iat === undefined) {
    return new Refusal('claim_missing', 'maximum_expiration needs exp and iat');
  }
  return exp - iat > limit ? new Refusal('token_lifetime_too_long', 'exp - iat exceeds maximum_expiration') : undefined;
}

/** Without `iat` nobody knows whether a token is older, so the setting makes it mandatory. */
function checkIssueTime(claims: Claims, issuedBeforeSeconds = 0): Refusal | undefined {
  if (issuedBeforeSeconds === 0) return undefined;
  const { iat } = claims as { readonly iat?: number };
  if (iat === undefined) return new Refusal('claim_missing', 'revoke_issued_before needs iat');
  return iat < issuedBeforeSeconds
    ? new Refusal('token_revoked', 'iat is earlier than revoke_issued_before')
    : undefined;
}

/** RFC 7519 §4.1.3: one string or an array of strings, compared whole. */
function hasAudience(aud: unknown, accepted: ReadonlySet<string>): boolean {
  const audiences: readonly unknown[] = Array.isArray(aud) ? aud : [aud];
  return audiences.some((audience) => typeof audience === 'string' && accepted.has(audience));
}

/** RFC 7519 §2 NumericDate: a JSON number. `1e400` parses to Infinity and is none. */
function isNumericDate(value: unknown): boolean {
  return typeof value === 'number' && Math.abs(value) <= LATEST_NUMERIC_DATE;
}

function describeClaims(claims: Claims, rules: ClaimRules, nowSeconds: number, observe: Observer): void {
  const { audience, leewaySeconds, maximumExpirationSeconds, issuedBeforeSeconds = 0 } = rules;
  const { claim = 'aud', select = (all: Claims): unknown => all['aud'], accepted } = audience ?? {};
  observe('claim', `${claim} is ${quote(select(claims))}; accepted: ${accepted ? quote([...accepted]) : 'any'}`);
  for (const { name, select } of rules.requiredClaims) {
    observe('claim', `required: ${name}, ${select(claims) === undefined ? 'missing' : 'there'}`);
  }
  for (const { claim: name, demand, select: selectValue, accepts } of rules.conditions) {
    const value = selectValue(claims);
    observe('claim', `condition: ${name} by ${demand}, ${accepts(value) ? 'met' : 'not met'}; it is ${quote(value)}`);
  }
  if (issuedBeforeSeconds > 0) observe('claim', `iat must not be before ${issuedBeforeSeconds}`);
  if (maximumExpirationSeconds > 0) observe('claim', `exp - iat may be ${maximumExpirationSeconds} s`);
  for (const name of ['exp', 'nbf', 'iat']) {
    const time = claims[name];
    if (typeof time !== 'number' || !isNumericDate(time)) continue;
    const seconds = Math.round(time - nowSeconds);
    const when = `${new Date(time * 1000).toISOString()}, ${Math.abs(seconds)} s ${seconds < 0 ? 'ago' : 'ahead'}`;
    observe('claim', `${name} is ${when}; leeway ${leewaySeconds} s`);
  }
}
