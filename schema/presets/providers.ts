/** Providers with a preset (docs/providers). */
export const PROVIDERS = [
  'auth0',
  'clerk',
  'cognito',
  'entra',
  'firebase',
  'github-actions',
  'google',
  'keycloak',
  'kubernetes',
  'oidc',
  'okta',
  'spiffe',
  'supabase',
  'zitadel',
] as const;

/** A provider with a preset. */
export type Provider = (typeof PROVIDERS)[number];
