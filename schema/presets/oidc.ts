import type { Preset } from './preset';

/**
 * Access tokens as RFC 9068 describes them, of any provider with OpenID Connect Discovery or RFC 8414: Ory Hydra, Duende,
 * Spring Authorization Server, oidc-provider and others. Their type tells them from ID tokens.
 *
 * @see RFC 9068 §2
 */
export const OIDC: Preset = {
  shape: /^https?:\/\/[^{}?#]+$/,
  example: 'https://auth.example.com',
  keys: 'discovery',
  algorithms: [],
  requiredClaims: ['client_id', 'iat', 'jti'],
  tokenTypes: ['at+jwt'],
  // RFC 9068 §2.2.3.1
  rolesClaims: ['roles', 'groups', 'entitlements'],
  scopesClaims: ['scope'],
};
