import type { Preset } from './preset';

/**
 * Access tokens of Microsoft Entra ID, version 2.0, of one tenant or, with the template, of several. The caller is `oid`,
 * which names a user or an application in its tenant: `sub` is another one for each application, and names and e-mail
 * addresses can be chosen by the administrator of any tenant.
 *
 * @see https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference
 */
export const ENTRA: Preset = {
  issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0',
  shape: /^https:\/\/[^/]+\/([0-9a-f-]{36}|\{\w+\})\/v2\.0\/?$/,
  example: 'https://login.microsoftonline.com/8f5e4b1c-0a55-4e1b-8c3a-6f2a1c1f9b70/v2.0',
  keys: 'discovery',
  tenants: {
    jwksUri: '{origin}/common/discovery/v2.0/keys',
    claim: 'tid',
    format: 'uuid',
  },
  algorithms: ['RS256'],
  // ID tokens have no azp.
  requiredClaims: ['tid', 'azp'],
  conditions: [{ claim: 'ver', oneOf: ['2.0'] }],
  callerClaims: ['oid'],
  rolesClaims: ['roles'],
  scopesClaims: ['scp'],
};
