import type { IssuerConfig } from '../config';
import { issuerTemplate, isTenant } from '../issuer-template';

/** Key sets that are fetched for tenants of one entry, at the most. */
const MAX_TENANT_KEY_SETS = 1000;

/** Returns what is wrong with an entry's issuer as a template, and with its tenants. */
export function tenantProblems(entry: IssuerConfig): (readonly [field: string, message: string])[] {
  const { issuer, tenants, anyTenant, tenantClaim, tenantFormat } = entry;
  const template = issuerTemplate(issuer);
  if (typeof template === 'string') return [['issuer', template]];
  if (template === undefined) {
    const needsTemplate = 'needs an issuer with a placeholder such as {tenant}';
    return [
      ...(tenants === null ? [] : [['tenants', needsTemplate] as const]),
      ...(anyTenant ? [['any_tenant', needsTemplate] as const] : []),
      ...(tenantClaim === null ? [] : [['tenant_claim', needsTemplate] as const]),
    ];
  }
  const problems: (readonly [string, string])[] = [];
  if ((tenants === null) !== anyTenant) {
    problems.push([
      'tenants',
      anyTenant ? 'and any_tenant contradict each other' : 'is needed, unless any_tenant is true',
    ]);
  }
  const misfit = tenantFormat === 'uuid' ? (tenants ?? []).findIndex((tenant) => !isTenant(tenant, 'uuid')) : -1;
  if (misfit >= 0) problems.push([`tenants[${misfit + 1}]`, 'must be a UUID in lower case (tenant_format)']);
  if (!hasTenantKeys(entry)) {
    return tenantClaim === null ? [...problems, ['tenant_claim', 'is needed: all tenants share these keys']] : problems;
  }
  if (anyTenant) {
    problems.push(['any_tenant', 'needs one key set for all tenants: a token must not choose where keys are fetched']);
  }
  if ((tenants?.length ?? 0) > MAX_TENANT_KEY_SETS) {
    problems.push(['tenants', `must be at most ${MAX_TENANT_KEY_SETS} when each has a key set of its own`]);
  }
  return problems;
}

/** Whether each tenant of a template has a key set of its own: found by discovery, or at a URL with the placeholder. */
export function hasTenantKeys({
  issuer,
  jwksUri,
  discovery,
}: Pick<IssuerConfig, 'issuer' | 'jwksUri' | 'discovery'>): boolean {
  const template = issuerTemplate(issuer);
  if (typeof template !== 'object') return false;
  return discovery !== null || jwksUri?.includes(template.placeholder) === true;
}
