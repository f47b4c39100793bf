import type { Preset } from './preset';

/**
 * ID tokens of Firebase Authentication and Identity Platform, which is what their clients send to a back end. The
 * audience is the id of the project. Roles are custom claims: name them in `roles_claims`.
 *
 * @see https://firebase.google.com/docs/auth/admin/verify-id-tokens
 */
export const FIREBASE: Preset = {
  shape: /^https:\/\/securetoken\.google\.com\/[a-z0-9-]+$/,
  example: 'https://securetoken.google.com/my-project',
  // The better known address holds a map of certificates, which is not a JWK set.
  keys: { jwksUri: 'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com' },
  algorithms: ['RS256'],
  requiredClaims: ['auth_time'],
};
