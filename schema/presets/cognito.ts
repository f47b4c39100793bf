import type { Preset } from './preset';

/**
 * Access tokens of a Cognito user pool. They have no `aud`: `client_id` names the app client. ID tokens are refused.
 *
 * @see https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html
 */
export const COGNITO: Preset = {
  shape: /^https:\/\/cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?\/[\w-]+$/,
  example: 'https://cognito-idp.eu-central-1.amazonaws.com/eu-central-1_AbCdEfGhI',
  keys: { jwksUri: '{issuer}/.well-known/jwks.json' },
  algorithms: ['RS256'],
  audienceClaim: 'client_id',
  conditions: [{ claim: 'token_use', oneOf: ['access'] }],
  rolesClaims: ['cognito:groups'],
  scopesClaims: ['scope'],
};
