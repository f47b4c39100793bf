import { createHash } from 'node:crypto';
import { CALLER_ID_CLAIM, type Config, type IssuerConfig } from '../../../schema/config';
import { issuerTemplate, withTenant } from '../../../schema/issuer-template';
import { acceptedAlgorithms } from '../../../schema/rules/issuer-ownership';
import { hasTenantKeys } from '../../../schema/rules/tenant-rules';
import { claimCondition } from '../claim-condition';
import { claimSelector } from '../claim-selector';
import { callerReader } from './caller';
import { audienceRule, requiredClaims } from './claim-rules';
import { issuerDirectory, type IssuerDirectory } from './issuer-directory';
import { normalizeTokenType } from './jose-header';
import type { KeySource } from './key-source';
import type { TrustedIssuer, TrustedTenants } from './trusted-issuer';

/** Whose tokens are believed, and the identity of those settings. */
export interface Trust {
  /** Digest of every setting that verification and reading depend on: no two different settings share it, keys included. */
  readonly id: string;
  readonly issuers: IssuerDirectory;
}

/** Opens the keys of an entry. */
export type OpenKeySource = (issuer: IssuerConfig) => KeySource;

type TrustConfig = Pick<Config, 'issuers' | 'leeway' | 'maximumExpiration' | 'rolesClaim' | 'scopesClaim'>;

/**
 * Compiles the entries of `issuers`.
 *
 * @param openKeys - its errors (a PEM that is none) pass through
 */
export function compileTrust(config: TrustConfig, openKeys: OpenKeySource): Trust {
  const { issuers, leeway, maximumExpiration, rolesClaim, scopesClaim } = config;
  // The entries are complete: what they inherit is in them. Routes that trust and read alike share verified tokens.
  const settings = JSON.stringify({ issuers, leeway, maximumExpiration, rolesClaim, scopesClaim });
  return {
    id: createHash('sha256').update(settings).digest('base64url'),
    issuers: issuerDirectory(issuers.map((entry) => trustedIssuer(entry, config, openKeys))),
  };
}

/**
 * Whether a key that names its issuer counts only where that is the `iss` (Entra ID): in a set that several issuers
 * share, a key of another one must not vouch for this one.
 */
export function keysNameIssuer({ issuer, provider }: Pick<IssuerConfig, 'issuer' | 'provider'>): boolean {
  return typeof issuerTemplate(issuer) === 'object' || provider === 'entra';
}

function trustedIssuer(entry: IssuerConfig, config: TrustConfig, openKeys: OpenKeySource): TrustedIssuer {
  const { issuer, audiences, anyAudience, audienceClaim, conditions, tokenTypes } = entry;
  const scopesClaims = new Set(entry.scopesClaims);
  const isTemplate = typeof issuerTemplate(issuer) === 'object';
  return {
    issuer,
    algorithms: new Set(acceptedAlgorithms(entry)),
    tokenTypes: new Set(tokenTypes.map(normalizeTokenType)),
    claimRules: {
      audience: anyAudience ? undefined : audienceRule(audienceClaim, audiences),
      requiredClaims: requiredClaims(entry.requiredClaims),
      conditions: conditions.map((condition) => claimCondition(condition, scopesClaims)),
      leewaySeconds: config.leeway,
      maximumExpirationSeconds: config.maximumExpiration,
      issuedBeforeSeconds: entry.revokeIssuedBefore,
    },
    statusList: entry.statusList,
    keysOf: keysOf(entry, openKeys),
    keysNameIssuer: keysNameIssuer(entry),
    tenants: isTemplate ? tenantsOf(entry) : undefined,
    readCaller: callerReader(entry),
    own: ownReading(entry, config),
  };
}

/** What an entry reads in another way than the top level names it. */
function ownReading(entry: IssuerConfig, { rolesClaim, scopesClaim }: TrustConfig): TrustedIssuer['own'] {
  const isOnly = (claims: readonly string[], claim: string): boolean => claims.length === 1 && claims[0] === claim;
  return {
    id: entry.callerPrefix !== null || !isOnly(entry.callerClaims, CALLER_ID_CLAIM),
    roles: entry.rolesSeparator !== 'none' || !isOnly(entry.rolesClaims, rolesClaim),
    scopes: entry.scopesSeparator !== 'space' || !isOnly(entry.scopesClaims, scopesClaim),
  };
}

function tenantsOf({ tenants, tenantFormat, tenantClaim }: IssuerConfig): TrustedTenants {
  return {
    names: tenants === null ? undefined : new Set(tenants),
    format: tenantFormat,
    claim: tenantClaim ?? undefined,
    select: claimSelector(tenantClaim ?? ''),
  };
}

/**
 * The keys of an entry. Those of a tenant with a set of its own are opened when its first token comes: the tenants are
 * listed, so no more are ever opened than the configuration names.
 */
function keysOf(entry: IssuerConfig, openKeys: OpenKeySource): TrustedIssuer['keysOf'] {
  const template = issuerTemplate(entry.issuer);
  if (typeof template !== 'object' || !hasTenantKeys(entry)) {
    const keys = openKeys(entry);
    return () => keys;
  }
  const open = (tenant: string): KeySource =>
    openKeys({
      ...entry,
      issuer: withTenant(entry.issuer, template, tenant),
      jwksUri: entry.jwksUri === null ? null : withTenant(entry.jwksUri, template, tenant),
    });
  const opened = new Map<string, KeySource>();
  // What is wrong with the settings of all of them shows when the configuration is loaded.
  for (const tenant of entry.tenants?.slice(0, 1) ?? []) opened.set(tenant, open(tenant));
  return (tenant = '') => {
    const keys = opened.get(tenant) ?? open(tenant);
    opened.set(tenant, keys);
    return keys;
  };
}
