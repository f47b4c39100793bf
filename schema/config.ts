import type { CONFIG_FIELDS } from './fields/config-fields';
import type { InferRecord } from '../src/kong/schema-language/field';

/**
 * The plugin's configuration as the rest of the code sees it: every member present, defaults applied, names in
 * camelCase, frozen. Its type is inferred from {@link CONFIG_FIELDS}; {@link parseConfig} makes it.
 */
export type Config = InferRecord<typeof CONFIG_FIELDS>;

/** One issuer, its keys' whereabouts, audiences and algorithms. Exactly one of the five key sources is not null. */
export type IssuerConfig = Config['issuers'][number];

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
export type Algorithm = IssuerConfig['algorithms'][number];

/** One header that is filled from one claim. */
export type IdentityHeaderConfig = Config['identityHeaders'][number];

/** The gateway's own signed statement about a request. */
export type IdentityTokenConfig = NonNullable<Config['identityToken']>;

/** One authorization rule. */
export type AuthorizeRuleConfig = NonNullable<Config['authorize']>[number];

/** One condition on a claim within an authorization rule. */
export type ClaimRuleConfig = NonNullable<AuthorizeRuleConfig['claims']>[number];
