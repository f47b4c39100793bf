import { CALLER_ID_CLAIM, type Config } from '../../../schema/config';
import { isObject } from '../claim-items';
import { claimSelector } from '../claim-selector';
import type { VerifiedToken } from '../verification/verified-token';

/** Reads a value of a caller that the configuration names by a claim. */
export type CallerValue = (token: Pick<VerifiedToken, 'claims' | 'caller' | 'issuer'>) => unknown;

/**
 * Returns how a named claim is read for services, for Kong and for logs. `sub`, `roles_claim` and `scopes_claim` by
 * exactly these names mean the caller's id, roles and scopes where the issuer's entry says how to read them; otherwise
 * they are the claims. An object at `roles_claim` that holds roles is these roles.
 */
export function callerValue(claim: string, { rolesClaim, scopesClaim }: CallerClaims): CallerValue {
  const select = claimSelector(claim);
  if (claim === CALLER_ID_CLAIM) return ({ claims, caller, issuer }) => (issuer.own.id ? caller.id : select(claims));
  if (claim === rolesClaim) {
    return ({ claims, caller, issuer }) => {
      const value = select(claims);
      return issuer.own.roles || (isObject(value) && caller.roles.length > 0) ? caller.roles : value;
    };
  }
  if (claim === scopesClaim) {
    return ({ claims, caller, issuer }) => (issuer.own.scopes ? caller.scopes : select(claims));
  }
  return ({ claims }) => select(claims);
}

/** The names under which the configuration knows roles and scopes. */
export type CallerClaims = Pick<Config, 'rolesClaim' | 'scopesClaim'>;
