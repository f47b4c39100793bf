import type { StatusListConfig } from '../../../schema/config';
import type { ClaimSelector } from '../claim-selector';
import type { ReadCaller } from './caller';
import type { ClaimRules } from './claim-rules';
import type { KeySource } from './key-source';

/** One entry of `issuers`, with everything that decides whether to believe a token, and how to read it. */
export interface TrustedIssuer {
  /** Compared with `iss` character by character, or a template. It names the entry in logs and metrics. */
  readonly issuer: string;
  readonly algorithms: ReadonlySet<string>;
  readonly tokenTypes: ReadonlySet<string>;
  readonly claimRules: ClaimRules;
  /** Where status lists of its tokens are; `null` or left out: they are not looked at. */
  readonly statusList?: StatusListConfig | null;
  /** Opens the keys; of a tenant when each has its own. `undefined` unless the entry is a template. */
  readonly keysOf: (tenant: string | undefined) => KeySource;
  /** Whether a key that names its issuer counts for tokens of that issuer only. */
  readonly keysNameIssuer: boolean;
  /** Which tenants are believed, when the entry is a template. */
  readonly tenants: TrustedTenants | undefined;
  readonly readCaller: ReadCaller;
  /** What of the caller the entry reads in its own way. A token without a caller's id that it reads so is refused. */
  readonly own: { readonly id: boolean; readonly roles: boolean; readonly scopes: boolean };
}

/** The tenants of a template. */
export interface TrustedTenants {
  /** `undefined`: any that has the format. */
  readonly names: ReadonlySet<string> | undefined;
  readonly format: 'name' | 'uuid';
  /** The claim that must equal the tenant, when there is one. */
  readonly claim: string | undefined;
  readonly select: ClaimSelector;
}

/** An entry that may own a token, as its `iss` says. */
export interface TokenOwner {
  readonly issuer: TrustedIssuer;
  readonly keys: KeySource;
  readonly tenant: string | undefined;
}
