import type { CONFIG_FIELDS } from './fields/config-fields';
import type { InferRecord } from '../src/kong/schema-language/field';

/** The configuration as it is written, with the defaults of its fields and names in camelCase. */
export type WrittenConfig = InferRecord<typeof CONFIG_FIELDS>;

/** An entry of `issuers` as it is written: `null` where it leaves the preset or the top level to decide. */
export type IssuerEntry = WrittenConfig['issuers'][number];

/**
 * The claim that means the caller's id, wherever the configuration names it by exactly this name. An entry of `issuers`
 * may read the id elsewhere (`caller_claims`); the pointer `/sub` always means the claim itself.
 */
export const CALLER_ID_CLAIM = 'sub';

/** How the tokens of an entry are read, with everything that it takes from its preset and the top level. */
export interface TokenReadingConfig {
  readonly audienceClaim: string;
  readonly requiredClaims: readonly string[];
  readonly conditions: readonly ClaimRuleConfig[];
  readonly tokenTypes: readonly string[];
  readonly callerClaims: readonly string[];
  readonly rolesClaims: readonly string[];
  readonly rolesSeparator: 'none' | 'space' | 'comma';
  readonly scopesClaims: readonly string[];
  readonly scopesSeparator: 'space' | 'comma';
  readonly tenantFormat: 'name' | 'uuid';
}

/**
 * One entry of `issuers`, complete: whose tokens are believed, where the keys are, and how the tokens are read. Exactly
 * one of the five key sources is not null.
 */
export type IssuerConfig = Omit<IssuerEntry, 'issuer' | keyof TokenReadingConfig> &
  TokenReadingConfig & {
    /** The `iss` of its tokens, or a template. */
    readonly issuer: string;
  };

/**
 * The plugin's configuration as the rest of the code sees it: every member present, defaults and presets applied, names
 * in camelCase, frozen. Its type is inferred from {@link CONFIG_FIELDS}; {@link parseConfig} makes it.
 */
export type Config = Omit<WrittenConfig, 'issuers'> & { readonly issuers: readonly IssuerConfig[] };

/** How one issuer's keys are fetched, kept and renewed. */
export type KeyFetchConfig = IssuerConfig['keyFetch'];

/** One list of revoked tokens. Exactly one of its three sources is not null. */
export type RevocationListConfig = Config['revocationLists'][number];

/** Where a list is replicated from. */
export type RedisConfig = NonNullable<RevocationListConfig['redis']>;

/** How one issuer's status lists are used. */
export type StatusListConfig = NonNullable<IssuerConfig['statusList']>;

/** How a list is fetched and how long it counts as fresh. */
export type ListFetchConfig = RevocationListConfig['listFetch'];

/** A signature algorithm that can be accepted; never `none`. */
export type Algorithm = IssuerEntry['algorithms'][number];

/** One header that is filled from one claim. */
export type IdentityHeaderConfig = Config['identityHeaders'][number];

/** The gateway's own signed statement about a request. */
export type IdentityTokenConfig = NonNullable<Config['identityToken']>;

/** One authorization rule. */
export type AuthorizeRuleConfig = NonNullable<Config['authorize']>[number];

/** One condition on a claim, of an authorization rule or of all tokens of an issuer. */
export type ClaimRuleConfig = NonNullable<NonNullable<WrittenConfig['authorize']>[number]['claims']>[number];
