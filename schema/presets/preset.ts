import type { ALGORITHMS } from '../algorithms';

/**
 * What all issuers of a provider have in common: data only. An entry of `issuers` that says otherwise takes precedence,
 * but for what is demanded of tokens: that is added to what the entry demands.
 */
export interface Preset {
  /** The issuer, where all tokens of the provider have the same; may be a template. */
  readonly issuer?: string;
  /** What a configured issuer looks like, and an example for the message when it does not. */
  readonly shape: RegExp;
  readonly example: string;
  /**
   * Where the keys are: found by discovery, or at a URL, in which `{issuer}` is the issuer without a slash at its end,
   * and `{origin}` its origin.
   */
  readonly keys: 'discovery' | { readonly jwksUri: string };
  /** The same for an issuer that is a template. Left out: there are no tenants. */
  readonly tenants?: {
    readonly jwksUri: string;
    readonly claim?: string;
    readonly format?: 'name' | 'uuid';
  };
  /** Empty: all that fit the keys. */
  readonly algorithms: readonly (typeof ALGORITHMS)[number][];
  readonly audienceClaim?: string;
  /** In addition to `required_claims` of the entry or the configuration. */
  readonly requiredClaims?: readonly string[];
  /** In addition to `conditions` of the entry, also where those judge the same claim. */
  readonly conditions?: readonly PresetCondition[];
  /** An entry needs a condition on one of these claims: without it, every customer of the provider could be a caller. */
  readonly demands?: readonly string[];
  readonly tokenTypes?: readonly string[];
  readonly callerClaims?: readonly string[];
  readonly rolesClaims?: readonly string[];
  readonly rolesSeparator?: 'none' | 'space' | 'comma';
  readonly scopesClaims?: readonly string[];
}

/** A condition as in `conditions`. */
export interface PresetCondition {
  readonly claim: string;
  readonly oneOf?: readonly string[];
  readonly matches?: readonly string[];
}
