import { parse, stringify } from 'yaml';

/** What makes a copy of the shipped files pass everything on. */
export const WITHOUT_DECISION: Readonly<Record<'nginx' | 'traefik' | 'envoy', (text: string, file: string) => string>> =
  {
    nginx: (text) => text.replace(/^ *auth_request \/.*$/m, ''),
    traefik: (text) => text.replace(/^ *middlewares: \[.*$/m, ''),
    envoy: (text, file) => (file === 'envoy.yaml' ? withFilters(text, () => []) : text),
  };

interface EnvoyFilter {
  readonly name: string;
}

/** Replaces the filter that asks for decisions. */
function withFilters(text: string, filters: () => readonly object[]): string {
  const file = parse(text) as {
    static_resources: {
      listeners: { filter_chains: { filters: { typed_config: { http_filters: EnvoyFilter[] } }[] }[] }[];
    };
  };
  const manager = file.static_resources.listeners[0]!.filter_chains[0]!.filters[0]!.typed_config;
  const rest = manager.http_filters.filter(({ name }) => !name.includes('ext_authz'));
  manager.http_filters = [...(filters() as EnvoyFilter[]), ...rest];
  return stringify(file);
}

/** What makes Envoy verify the tokens itself, with its filter `jwt_authn` and a cache of tokens. */
export function withJwtAuthn(issuer: string, jwks: string): (text: string, file: string) => string {
  const filter = {
    name: 'envoy.filters.http.jwt_authn',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
      providers: {
        shop: {
          issuer,
          audiences: ['shop'],
          local_jwks: { inline_string: jwks },
          claim_to_headers: [{ header_name: 'x-user-id', claim_name: 'sub' }],
          jwt_cache_config: { jwt_cache_size: 1_000 },
        },
      },
      rules: [{ match: { prefix: '/' }, requires: { provider_name: 'shop' } }],
    },
  };
  return (text, file) => (file === 'envoy.yaml' ? withFilters(text, () => [filter]) : text);
}
