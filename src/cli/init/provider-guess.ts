import { PRESETS } from '../../../schema/presets/presets';
import { PROVIDERS, type Provider } from '../../../schema/presets/providers';

/** Hosts of providers that run as a service: nobody else has issuers there. */
const HOSTS: Readonly<Partial<Record<Provider, RegExp>>> = {
  auth0: /\.auth0\.com$/,
  clerk: /\.clerk\.accounts\.dev$/,
  cognito: /^cognito-idp\.[a-z0-9-]+\.amazonaws\.com(\.cn)?$/,
  entra: /^login\.(microsoftonline\.(com|us)|partner\.microsoftonline\.cn)$/,
  firebase: /^securetoken\.google\.com$/,
  'github-actions': /^token\.actions\.githubusercontent\.com$/,
  google: /^accounts\.google\.com$/,
  okta: /\.okta(preview|-emea)?\.com$/,
  supabase: /\.supabase\.co$/,
  zitadel: /\.zitadel\.cloud$/,
};

/** Paths of key sets that only the software of one provider has, wherever it runs. */
const KEY_PATHS: Readonly<Partial<Record<Provider, RegExp>>> = {
  keycloak: /\/realms\/[^/]+\/protocol\/openid-connect\/certs$/,
  kubernetes: /\/openid\/v1\/jwks$/,
  okta: /\/oauth2\/\w+\/v1\/keys$/,
  supabase: /\/auth\/v1\/\.well-known\/jwks\.json$/,
  zitadel: /\/oauth\/v2\/keys$/,
};

/**
 * Returns the provider whose preset fits an issuer, by its host or by where it publishes its keys; `oidc` when neither says
 * more.
 */
export function guessProvider(issuer: string, jwksUri: string | undefined): Provider {
  const { hostname } = new URL(issuer);
  const path = jwksUri !== undefined && URL.canParse(jwksUri) ? new URL(jwksUri).pathname : '';
  const fits = (provider: Provider): boolean =>
    PRESETS[provider].shape.test(issuer) &&
    (HOSTS[provider]?.test(hostname) === true || KEY_PATHS[provider]?.test(path) === true);
  return PROVIDERS.find(fits) ?? 'oidc';
}
