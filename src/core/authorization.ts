import type { Config } from '../../schema/config';
import { claimSelector, type ClaimSelector } from './claim-selector';
import { scopeItems, stringItems } from './header-value';
import { Refusal } from './refusal';
import type { VerifiedToken } from './verified-token';

/** `authorize`, compiled. */
export interface AuthorizationRules {
  readonly rules: readonly Rule[];
  readonly selectRoles: ClaimSelector;
  readonly selectScopes: ClaimSelector;
}

interface Rule {
  /** Empty: any method. */
  readonly methods: ReadonlySet<string>;
  /** At least one of them; `undefined`: roles do not matter. */
  readonly roles: ReadonlySet<string> | undefined;
  /** All of them; empty: scopes do not matter. */
  readonly scopes: readonly string[];
  /** Every one of them. */
  readonly claims: readonly {
    readonly claim: string;
    readonly select: ClaimSelector;
    readonly oneOf: ReadonlySet<string>;
  }[];
}

/** Compiles `authorize`; `undefined` when the route asks for no more than a verified token. */
export function authorizationRules(
  config: Pick<Config, 'authorize' | 'rolesClaim' | 'scopesClaim'>,
): AuthorizationRules | undefined {
  if (config.authorize === null) return undefined;
  return {
    rules: config.authorize.map(({ methods, roles, scopes, claims }) => ({
      methods: new Set(methods),
      roles: roles === null ? undefined : new Set(roles),
      scopes: scopes ?? [],
      claims: (claims ?? []).map(({ claim, oneOf }) => ({
        claim,
        select: claimSelector(claim),
        oneOf: new Set(oneOf),
      })),
    })),
    selectRoles: claimSelector(config.rolesClaim),
    selectScopes: claimSelector(config.scopesClaim),
  };
}

/**
 * Whether a verified caller may do this: the first rule whose methods match decides, and when none matches nobody may.
 * A rule for GET covers HEAD. Roles, scopes and values are compared whole. Returns `undefined` when the caller may.
 *
 * @see RFC 6750 §3.1 (`insufficient_scope`)
 */
export function authorize(
  { claims }: VerifiedToken,
  method: string | undefined,
  { rules, selectRoles, selectScopes }: AuthorizationRules,
): Refusal | undefined {
  const rule = rules.find(({ methods }) => covers(methods, method));
  if (rule === undefined) return new Refusal('forbidden', 'no authorize entry for the method');
  const { roles } = rule;
  if (roles !== undefined && !stringItems(selectRoles(claims)).some((role) => roles.has(role))) {
    return new Refusal('forbidden', 'none of the roles');
  }
  for (const { claim, select, oneOf } of rule.claims) {
    if (!scalarItems(select(claims)).some((value) => oneOf.has(value))) {
      return new Refusal('forbidden', `claim ${claim} is not one_of`);
    }
  }
  const granted = new Set(scopeItems(selectScopes(claims)));
  return rule.scopes.every((scope) => granted.has(scope))
    ? undefined
    : new Refusal('insufficient_scope', 'a scope is missing', { scope: rule.scopes });
}

function covers(methods: ReadonlySet<string>, method: string | undefined): boolean {
  if (methods.size === 0) return true;
  return method !== undefined && (methods.has(method) || (method === 'HEAD' && methods.has('GET')));
}

/** Strings, numbers and booleans as text: `one_of: ["true"]` is met by a claim that is `true`. */
function scalarItems(value: unknown): readonly string[] {
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.filter((item) => ['string', 'number', 'boolean'].includes(typeof item)).map(String);
}
