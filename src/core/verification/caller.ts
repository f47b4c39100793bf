import type { IssuerConfig } from '../../../schema/config';
import { issuerTemplate, withTenant } from '../../../schema/issuer-template';
import { roleItems, separatedItems, textOf } from '../claim-items';
import { claimSelector, ruleSelector, type Claims } from '../claim-selector';

/**
 * Who a verified token says is calling, read as the entry of `issuers` says that vouched for it. Rules, headers, the
 * hand-over and logs look at this, and at the claims only where the configuration names one.
 */
export interface Caller {
  /** With `caller_prefix`; `undefined` when the token has none of `caller_claims`. */
  readonly id: string | undefined;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** The `iss` of the token. */
  readonly issuer: string;
  /** What stands for the placeholder in `iss`; `undefined` when the entry names a whole issuer. */
  readonly tenant: string | undefined;
  readonly claims: Claims;
}

/** What {@link callerReader} needs of an entry of `issuers`. */
type CallerReading = Pick<
  IssuerConfig,
  'issuer' | 'callerClaims' | 'callerPrefix' | 'rolesClaims' | 'rolesSeparator' | 'scopesClaims' | 'scopesSeparator'
>;

/** Reads the caller of a verified token. */
export type ReadCaller = (claims: Claims, issuer: string, tenant: string | undefined) => Caller;

/** Compiles how callers are read. Roles and scopes are not picked from lists by position, as in rules. */
export function callerReader(entry: CallerReading): ReadCaller {
  const ids = entry.callerClaims.map(claimSelector);
  const roles = entry.rolesClaims.map(ruleSelector);
  const scopes = entry.scopesClaims.map(ruleSelector);
  const prefixFor = prefixOf(entry);
  return (claims, issuer, tenant) => {
    const id = firstText(ids.map((select) => select(claims)));
    return {
      id: id === undefined ? undefined : prefixFor(tenant) + id,
      roles: joined(roles.map((select) => roleItems(select(claims), entry.rolesSeparator))),
      scopes: joined(scopes.map((select) => separatedItems(select(claims), entry.scopesSeparator))),
      issuer,
      tenant,
      claims,
    };
  };
}

function prefixOf({ issuer, callerPrefix }: CallerReading): (tenant: string | undefined) => string {
  const template = issuerTemplate(issuer);
  const prefix = callerPrefix ?? '';
  if (typeof template !== 'object') return () => prefix;
  return (tenant = '') => withTenant(prefix, template, tenant);
}

/** The first that is there. One that is there and is no text is no reason to take the next: it would be another caller. */
function firstText(values: readonly unknown[]): string | undefined {
  return textOf(values.find((value) => value !== undefined));
}

function joined([first = [], ...others]: readonly (readonly string[])[]): readonly string[] {
  return others.length === 0 ? first : [...new Set([first, ...others].flat())];
}
