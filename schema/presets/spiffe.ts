import type { Preset } from './preset';

/**
 * JWT-SVIDs. The specification does not ask for `iss`, so the server must be told to set one (`jwt_issuer` of SPIRE), and
 * the keys are those that its OIDC discovery provider publishes.
 *
 * @see https://github.com/spiffe/spiffe/blob/main/standards/JWT-SVID.md
 */
export const SPIFFE: Preset = {
  shape: /^https:\/\/[^{}]+$/,
  example: 'https://oidc-discovery.example.org',
  keys: { jwksUri: '{issuer}/keys' },
  algorithms: ['RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'],
  conditions: [{ claim: 'sub', matches: ['spiffe://*'] }],
};
