import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { Priority } from '../../../plugin/jwt-identity/index';
import type { Config } from '../../../schema/config';
import { CONFIG_ENTITY_CHECKS, CONFIG_FIELDS } from '../../../schema/fields/config-fields';
import { parseConfig } from '../../../schema/parse-config';
import { validate } from '../../../src/kong/schema-language/validation';
import { decide } from '../../../src/core/pipeline';
import { compilePolicy } from '../../../src/core/policy';
import { createTokenCache } from '../../../src/core/verification/token-cache';
import { KeyList } from '../../support/key-list';
import { signingKey, signToken, type SigningKey } from '../../support/tokens';

interface Entry {
  readonly name: string;
  readonly plugins?: readonly { readonly name: string; readonly config: Record<string, unknown> }[];
}
interface KongYml {
  readonly _format_version: string;
  readonly plugins: Entry['plugins'];
  readonly services: readonly (Entry & { readonly url: string; readonly routes: readonly Entry[] })[];
}

const NOW = 1_800_000_000;
const text = readFileSync(join(__dirname, '../../../kong.yml'), 'utf8');
// Kong 3.9.3 reads YAML 1.1, whose merge keys (`<<`) YAML 1.2 no longer has.
const kong = parse(text, { merge: true }) as KongYml;

/** The configuration that decides for a route: its own, or its service's, or the global one; Kong merges none of them. */
function rawConfig(route: string): unknown {
  const service = kong.services.find(({ routes }) => routes.some(({ name }) => name === route));
  const places = [service?.routes.find(({ name }) => name === route), service, kong];
  return places.flatMap((place) => place?.plugins ?? []).find(({ name }) => name === 'jwt-identity')?.config;
}
const configOf = (route: string): Config => parseConfig(rawConfig(route));
const routes = kong.services.flatMap((service) => service.routes.map(({ name }) => name));

describe('kong.yml', () => {
  let key: SigningKey;
  beforeAll(() => {
    key = signingKey('ES256', 'k');
  });

  const ask = async (route: string, token: object | undefined, method = 'GET'): Promise<unknown> => {
    const claims = { iss: 'http://127.0.0.1:8010/', aud: 'shop', sub: 'u1', exp: NOW + 60, ...token };
    const headers = {
      'x-user-id': 'evil',
      x_user_roles: 'admin',
      ...(token && { authorization: `Bearer ${await signToken(key, claims)}` }),
    };
    const policy = compilePolicy(
      configOf(route),
      () => new KeyList(key),
      undefined,
      () => undefined,
    );
    const decision = await decide({ headers, method }, policy, createTokenCache(), () => NOW);
    return decision.outcome === 'proceed' ? decision.headers : decision.code;
  };

  it('has the routes that its comments speak of', () => {
    expect(kong._format_version).toBe('3.0');
    expect(routes).toEqual(['login', 'orders', 'catalog', 'admin', 'internal']);
  });

  it.each(routes)('is accepted by Kong and by the plugin for route %s', (route) => {
    const schema = { type: 'record', fields: CONFIG_FIELDS, entity_checks: CONFIG_ENTITY_CHECKS } as const;
    expect(validate(schema, rawConfig(route), 'config', 'user').violations).toEqual([]);
    expect(() => configOf(route)).not.toThrow();
  });

  it.each(routes)('says the same about issuers and identity headers for route %s, through one anchor', (route) => {
    const { issuers, identityHeaders, reservedHeaders } = configOf(route);
    expect({ issuers, identityHeaders, reservedHeaders }).toEqual({
      issuers: configOf('orders').issuers,
      identityHeaders: configOf('orders').identityHeaders,
      reservedHeaders: configOf('orders').reservedHeaders,
    });
    expect(text.match(/jwks_uri:/g)).toHaveLength(1);
  });

  it.each(routes)('strips what a client forged on route %s', async (route) => {
    const admin = await ask(route, { roles: ['admin'] });
    expect(admin).toMatchObject({ 'X-User-ID': 'u1', 'X-User-Roles': 'admin', x_user_roles: [], authorization: [] });
    expect(admin).not.toHaveProperty('x-user-id');
  });

  it.each(['login', 'catalog'])('lets everybody use the public route %s, without an identity', async (route) => {
    expect(await ask(route, undefined)).toEqual({ 'x-user-id': [], x_user_roles: [] });
    expect(await ask(route, { exp: NOW - 60 })).toBe('token_expired');
  });

  it.each(['orders', 'admin', 'internal'])('guards the route %s', async (route) => {
    expect(await ask(route, undefined)).toBe('token_missing');
    expect(await ask(route, { aud: 'elsewhere' })).toBe('audience_not_accepted');
  });

  it('lets only administrators use the admin route, whatever the method', async () => {
    for (const method of ['GET', 'DELETE', 'OPTIONS']) {
      expect(await ask('admin', { roles: ['user'] }, method)).toBe('forbidden');
      expect(await ask('admin', {}, method)).toBe('forbidden');
      expect(await ask('admin', { roles: ['admin'] }, method)).toHaveProperty('X-User-ID');
    }
    expect(await ask('orders', { roles: ['user'] })).toHaveProperty('X-User-ID');
  });

  it('asks for an address of the inside before it asks for a token on the internal route', () => {
    const internal = kong.services.flatMap((service) => service.routes).find(({ name }) => name === 'internal');
    expect(internal?.plugins).toEqual([
      { name: 'ip-restriction', config: { allow: ['127.0.0.1', '::1', '10.0.0.0/8'] } },
    ]);
    // Kong 3.9.3: ip-restriction has priority 990.
    expect(Priority).toBeLessThan(990);
  });

  it('guards a route that somebody adds tomorrow: the plugin is global', () => {
    expect(kong.plugins?.map(({ name }) => name)).toEqual(['jwt-identity']);
    expect(parseConfig(kong.plugins?.[0]?.config).allowMissing).toBe(false);
  });

  it('has an address of its own for every service, none of which a client can choose', () => {
    const hosts = kong.services.map(({ url }) => new URL(url).host);
    expect(new Set(hosts).size).toBe(hosts.length);
  });
});
