import type { Preset } from './preset';

/**
 * Access tokens of users of Supabase, with signing keys. The legacy secret takes another entry of the same issuer, with
 * `secret`. `role` is the role in the database; those of an application are in `app_metadata`, which users cannot write,
 * unlike `user_metadata`.
 *
 * @see https://supabase.com/docs/guides/auth/jwt-fields
 */
export const SUPABASE: Preset = {
  shape: /^https?:\/\/[^{}]+\/auth\/v1$/,
  example: 'https://abcdefghijklmnopqrst.supabase.co/auth/v1',
  keys: { jwksUri: '{issuer}/.well-known/jwks.json' },
  algorithms: ['ES256', 'RS256'],
  requiredClaims: ['session_id'],
  rolesClaims: ['role', '/app_metadata/roles'],
};
