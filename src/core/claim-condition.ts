import type { ClaimRuleConfig } from '../../schema/config';
import { claimPattern } from './claim-pattern';
import { ruleSelector, type ClaimSelector } from './claim-selector';
import { scopeItems } from './claim-items';

/** One condition on one claim, of an authorization rule or of an issuer, compiled. */
export interface ClaimCondition {
  /** As the configuration names it. */
  readonly claim: string;
  /** What is asked for, in words, for logs. Never holds a claim's value. */
  readonly demand: string;
  readonly select: ClaimSelector;
  /** Whether a value of the claim is good enough; `undefined` never is. */
  readonly accepts: (value: unknown) => boolean;
  /** What the configuration lists, for logs; absent where it lists nothing. */
  readonly accepted?: readonly string[];
}

/**
 * Compiles one condition. A claim that holds scopes is judged scope by scope, as `scopes` does: of a text as a whole,
 * taking a scope away could make a condition true.
 */
export function claimCondition(
  { claim, oneOf, matches }: ClaimRuleConfig,
  scopesClaims: ReadonlySet<string>,
): ClaimCondition {
  const value = ruleSelector(claim);
  const select: ClaimSelector = scopesClaims.has(claim) ? (claims) => scopeItems(value(claims)) : value;
  if (oneOf !== null) {
    const values = new Set(oneOf);
    const accepts = (value: unknown): boolean => scalarItems(value).some((text) => values.has(text));
    return { claim, demand: 'one_of', select, accepts, accepted: oneOf };
  }
  if (matches !== null) {
    const tests = matches.map(claimPattern);
    const accepts = (value: unknown): boolean => scalarItems(value).some((text) => tests.some((test) => test(text)));
    return { claim, demand: 'matches', select, accepts, accepted: matches };
  }
  return { claim, demand: 'present', select, accepts: isPresent };
}

/**
 * Strings, numbers and booleans as text: `one_of: ["true"]` is met by a claim that is `true`. A number that a double
 * cannot tell from its neighbours is left out, or one account's number would pass for another's (RFC 8259 §6).
 */
function scalarItems(value: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.flatMap((item) => {
    if (typeof item === 'number' && Math.abs(item) > Number.MAX_SAFE_INTEGER) return [];
    return ['string', 'number', 'boolean'].includes(typeof item) ? [String(item)] : [];
  });
}

/** Somebody who empties a claim takes a right away: an empty one must not count. */
function isPresent(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== undefined && value !== null && value !== '';
}
