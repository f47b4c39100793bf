import { publicJwk, signingKey, signToken } from './tokens';

const ISSUER = 'https://auth.example.com/';
const key = signingKey('ES256', 'k1');

/** The configuration of the plugin for tokens of {@link doorToken}. */
export const DOOR_CONFIG = {
  issuers: [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
};

/** The plugin, with further fields of its configuration. */
export function guardedBy(config: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return { name: 'jwt-identity', config: { ...DOOR_CONFIG, ...config } };
}

/** A token of ada, who is an admin, or with other claims. */
export function doorToken(claims: Readonly<Record<string, unknown>> = {}): Promise<string> {
  return signToken(key, { iss: ISSUER, aud: 'shop', sub: 'ada', roles: ['admin'], exp: 4_000_000_000, ...claims });
}

/** A kong.yml with these members. JSON is YAML. */
export function doorFile(members: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ _format_version: '3.0', ...members });
}
