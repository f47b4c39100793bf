import type { Preset } from './preset';

/**
 * Session tokens of Clerk. They have no `aud`: the origin of the front end, in `azp`, is what tells them apart.
 *
 * @see https://clerk.com/docs/guides/sessions/session-tokens
 */
export const CLERK: Preset = {
  shape: /^https:\/\/[^/{}]+$/,
  example: 'https://example.clerk.accounts.dev',
  keys: { jwksUri: '{issuer}/.well-known/jwks.json' },
  algorithms: ['RS256'],
  audienceClaim: 'azp',
  requiredClaims: ['sid'],
  rolesClaims: ['org_role', '/o/rol'],
};
