import type { Config } from '../../schema/config';
import { compileTrust } from '../../src/core/verification/trust';
import { callerReader } from '../../src/core/verification/caller';
import type { Claims } from '../../src/core/claim-selector';
import type { ClaimRules } from '../../src/core/verification/claim-rules';
import type { KeySource } from '../../src/core/verification/key-source';
import type { TrustedIssuer } from '../../src/core/verification/trusted-issuer';
import type { VerifiedToken } from '../../src/core/verification/verified-token';

const noKeys: KeySource = { find: () => ({ status: 'not_found', reason: 'no_matching_key' }), holds: () => false };

/** A token with these claims as if it had been verified, by the first entry of `issuers`. */
export function verifiedToken(claims: Claims, config: Config, tenant?: string): VerifiedToken {
  const entry = config.issuers[0]!;
  const { issuers } = compileTrust(config, () => noKeys);
  const owner = issuers.ownersOf(tenant === undefined ? entry.issuer : entry.issuer.replace(/\{\w+\}/, tenant))[0]!;
  const caller = callerReader(entry)(claims, entry.issuer, tenant);
  const key = { kid: 'k', algorithms: [], key: undefined };
  return { claims, issuer: owner.issuer, caller, key, keys: noKeys } as unknown as VerifiedToken;
}

/** An issuer with one key source, which believes what `changes` do not forbid. */
export function trustedIssuer(
  issuer: string,
  keys: KeySource,
  {
    claimRules,
    ...changes
  }: Partial<Omit<TrustedIssuer, 'claimRules'>> & { readonly claimRules?: Partial<ClaimRules> } = {},
): TrustedIssuer {
  return {
    issuer,
    algorithms: new Set(),
    tokenTypes: new Set(),
    claimRules: {
      audience: undefined,
      requiredClaims: [],
      conditions: [],
      leewaySeconds: 0,
      maximumExpirationSeconds: 0,
      ...claimRules,
    },
    keysOf: () => keys,
    keysNameIssuer: false,
    tenants: undefined,
    readCaller: (claims, iss, tenant) => ({ id: undefined, roles: [], scopes: [], issuer: iss, tenant, claims }),
    own: { id: false, roles: false, scopes: false },
    ...changes,
  };
}
