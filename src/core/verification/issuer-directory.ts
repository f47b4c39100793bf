import { isTenant, issuerTemplate, tenantIn } from '../../../schema/issuer-template';
import type { TokenOwner, TrustedIssuer } from './trusted-issuer';

/** Finds the entries that may own a token by its `iss`. */
export interface IssuerDirectory {
  /**
   * Returns the entries for an `iss`, which comes from an unverified token: those that name it whole, otherwise those of
   * the template that it fits. Entries that are returned together are told apart by algorithm and key set.
   */
  ownersOf(iss: string): readonly TokenOwner[];
  /** The issuers and templates, as they are configured. */
  readonly names: readonly string[];
}

/** Returns the directory of some entries. A template is compared by what stands before and after its placeholder. */
export function issuerDirectory(issuers: readonly TrustedIssuer[]): IssuerDirectory {
  const byName = new Map<string, TokenOwner[]>();
  const templates: ((iss: string) => TokenOwner | undefined)[] = [];
  for (const issuer of issuers) {
    const template = issuerTemplate(issuer.issuer);
    if (typeof template !== 'object') {
      const owner = { issuer, keys: issuer.keysOf(undefined), tenant: undefined };
      byName.set(issuer.issuer, [...(byName.get(issuer.issuer) ?? []), owner]);
      continue;
    }
    const { tenants } = issuer;
    if (tenants === undefined) throw new Error('a template without tenants');
    const isAccepted = tenants.names === undefined ? isTenant : (part: string) => tenants.names?.has(part) === true;
    templates.push((iss) => {
      const tenant = tenantIn(iss, template);
      if (tenant === undefined || !isAccepted(tenant, tenants.format)) return undefined;
      return { issuer, keys: issuer.keysOf(tenant), tenant };
    });
  }
  return {
    names: [...new Set(issuers.map(({ issuer }) => issuer))],
    ownersOf: (iss) => byName.get(iss) ?? templates.map((match) => match(iss)).filter((owner) => owner !== undefined),
  };
}
