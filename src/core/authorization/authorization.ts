import type { AuthorizeRuleConfig, Config } from '../../../schema/config';
import { claimCondition, type ClaimCondition } from '../claim-condition';
import { quote, type Observer, type Stage } from '../observer';
import { Refusal } from '../refusal/refusal';
import type { VerifiedToken } from '../verification/verified-token';

/** `authorize` or `authorize_shadow`, compiled. */
export interface AuthorizationRules {
  /** The field's name, for reasons. */
  readonly field: 'authorize' | 'authorize_shadow';
  readonly rules: readonly Rule[];
}

interface Rule {
  /** Such as `authorize[1]`: positions count from 1, as in the messages about the configuration. */
  readonly name: string;
  /** Empty: any method. */
  readonly methods: ReadonlySet<string>;
  /** At least one of them; `undefined`: roles do not matter. */
  readonly roles: ReadonlySet<string> | undefined;
  /** All of them; empty: scopes do not matter. */
  readonly scopes: readonly string[];
  /** Every one of them. */
  readonly claims: readonly ClaimCondition[];
}

type AuthorizationConfig = Pick<Config, 'authorize' | 'authorizeShadow' | 'scopesClaim' | 'issuers'>;

/** Compiles `authorize`; `undefined` when the route asks for no more than a verified token. */
export function authorizationRules(config: AuthorizationConfig): AuthorizationRules | undefined {
  return compile('authorize', config.authorize, config);
}

/** Compiles `authorize_shadow`; `undefined` when there are no rules to try. */
export function shadowRules(config: AuthorizationConfig): AuthorizationRules | undefined {
  return compile('authorize_shadow', config.authorizeShadow, config);
}

function compile(
  field: AuthorizationRules['field'],
  rules: readonly AuthorizeRuleConfig[] | null,
  { scopesClaim, issuers }: AuthorizationConfig,
): AuthorizationRules | undefined {
  if (rules === null) return undefined;
  const scopesClaims = new Set([scopesClaim, ...issuers.flatMap((issuer) => issuer.scopesClaims)]);
  return {
    field,
    rules: rules.map(({ methods, roles, scopes, claims }, index) => ({
      name: `${field}[${index + 1}]`,
      methods: new Set(methods),
      roles: roles === null ? undefined : new Set(roles),
      scopes: scopes ?? [],
      claims: (claims ?? []).map((condition) => claimCondition(condition, scopesClaims)),
    })),
  };
}

/**
 * Whether a verified caller may do this: the first rule whose methods match decides, and when none matches nobody may.
 * A rule for GET covers HEAD. Roles, scopes and values are compared whole. Every condition asks for something to be in
 * the token, so a token from which something was taken never gets further than the one it was taken from. Returns
 * `undefined` when the caller may.
 *
 * @see RFC 6750 §3.1 (`insufficient_scope`)
 */
export function authorize(
  { claims, caller }: VerifiedToken,
  method: string | undefined,
  { field, rules }: AuthorizationRules,
  observe?: Observer,
): Refusal | undefined {
  const stage: Stage = field === 'authorize' ? 'rule' : 'shadow';
  const rule = rules.find(({ methods }) => covers(methods, method));
  if (rule === undefined) {
    const accepted = rules.flatMap(({ methods }) => [...methods]);
    return new Refusal('forbidden', `${field}: no entry for the method`, { accepted });
  }
  const { name, roles, scopes } = rule;
  observe?.(stage, `${name} decides ${method ?? 'any method'}`);
  if (roles !== undefined) {
    const held = caller.roles;
    observe?.(stage, `${name}: one of the roles ${quote([...roles])}; the token has ${quote(held)}`);
    if (!held.some((role) => roles.has(role))) {
      return new Refusal('forbidden', `${name}: none of the roles`, { accepted: [...roles] });
    }
  }
  for (const { claim, demand, select, accepts, accepted } of rule.claims) {
    const value = select(claims);
    observe?.(stage, `${name}: claim ${claim} by ${demand}; it is ${quote(value)}`);
    if (!accepts(value)) {
      return new Refusal('forbidden', `${name}: claim ${claim} does not meet ${demand}`, {
        ...(accepted && { accepted }),
      });
    }
  }
  const granted = caller.scopes;
  if (scopes.length > 0) observe?.(stage, `${name}: all scopes of ${quote(scopes)}; the token has ${quote(granted)}`);
  return scopes.every((scope) => granted.includes(scope))
    ? undefined
    : new Refusal('insufficient_scope', `${name}: a scope is missing`, { scope: scopes });
}

function covers(methods: ReadonlySet<string>, method: string | undefined): boolean {
  if (methods.size === 0) return true;
  return method !== undefined && (methods.has(method) || (method === 'HEAD' && methods.has('GET')));
}
