import type { Preset } from './preset';

/**
 * ID tokens of Google, also those of service accounts. Access tokens of Google are not JWTs. Everybody with a Google
 * account can get a token for the client id that `audiences` names; a condition on `hd` limits it to an organization.
 *
 * @see https://developers.google.com/identity/openid-connect/openid-connect#validatinganidtoken
 */
export const GOOGLE: Preset = {
  issuer: 'https://accounts.google.com',
  shape: /^(https:\/\/)?accounts\.google\.com$/,
  example: 'https://accounts.google.com',
  keys: { jwksUri: 'https://www.googleapis.com/oauth2/v3/certs' },
  algorithms: ['RS256'],
};
