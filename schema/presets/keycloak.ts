import type { Preset } from './preset';

/**
 * Access tokens of a Keycloak realm. ID tokens, refresh tokens and logout tokens have another `typ` among their claims.
 * Keycloak adds an audience only where a mapper or a client scope says so.
 *
 * @see https://www.keycloak.org/docs/latest/server_admin/#_audience
 */
export const KEYCLOAK: Preset = {
  shape: /^https?:\/\/.+\/realms\/[^/]+$/,
  example: 'https://auth.example.com/realms/shop',
  keys: { jwksUri: '{issuer}/protocol/openid-connect/certs' },
  tenants: { jwksUri: '{issuer}/protocol/openid-connect/certs' },
  algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'],
  conditions: [{ claim: 'typ', oneOf: ['Bearer'] }],
  rolesClaims: ['/realm_access/roles'],
  scopesClaims: ['scope'],
};
