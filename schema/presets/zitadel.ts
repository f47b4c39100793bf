import type { Preset } from './preset';

/**
 * Access tokens of Zitadel, where the application's token type is JWT. The audience is the id of a project or a client.
 * Roles are the names of an object, and are there when the client asks for the scope of the same name.
 *
 * @see https://zitadel.com/docs/apis/openidoauth/claims
 */
export const ZITADEL: Preset = {
  shape: /^https?:\/\/[^/{}]+$/,
  example: 'https://example.zitadel.cloud',
  keys: { jwksUri: '{issuer}/oauth/v2/keys' },
  algorithms: ['RS256'],
  rolesClaims: ['urn:zitadel:iam:org:project:roles'],
};
