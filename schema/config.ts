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
