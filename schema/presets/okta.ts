import type { Preset } from './preset';

/**
 * Access tokens of a custom authorization server of Okta (`default`, say). Tokens of the org authorization server are for
 * Okta alone. The caller is the user's id; a client of its own has its client id in `sub`.
 *
 * @see https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/
 */
export const OKTA: Preset = {
  shape: /^https:\/\/[^{}]+\/oauth2\/\w+$/,
  example: 'https://example.okta.com/oauth2/default',
  keys: { jwksUri: '{issuer}/v1/keys' },
  algorithms: ['RS256'],
  // ID tokens have neither.
  requiredClaims: ['cid', 'scp'],
  callerClaims: ['uid', 'sub'],
  rolesClaims: ['groups'],
  scopesClaims: ['scp'],
};
