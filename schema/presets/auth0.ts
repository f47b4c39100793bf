import type { Preset } from './preset';

/**
 * Access tokens for an API of Auth0. With RBAC and "Add Permissions in the Access Token" the user's permissions are the
 * roles; scopes are what the client was granted. ID tokens have another audience.
 *
 * @see https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles
 */
export const AUTH0: Preset = {
  shape: /^https:\/\/[^/{}]+\/$/,
  example: 'https://example.eu.auth0.com/',
  keys: { jwksUri: '{issuer}/.well-known/jwks.json' },
  algorithms: ['RS256'],
  rolesClaims: ['permissions'],
  scopesClaims: ['scope'],
};
