import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { routeConfig } from '../../../src/bff/route-config';

const KONG_YML = readFileSync(join(__dirname, '../../../kong.yml'), 'utf8');

/** A configuration that tells which one it is. */
const plugin = (realm: string, scope = ''): string =>
  `{ name: jwt-identity, ${scope} config: { realm: ${realm}, issuers: [{ issuer: 'https://a/', audiences: [x], jwks_uri: 'https://a/jwks' }] } }`;
const realmOf = (yaml: string): unknown => routeConfig(yaml, 'r', {});

describe('the configuration of a route in a kong.yml', () => {
  it.each([
    ['orders', undefined, false],
    ['catalog', undefined, true],
    ['admin', [{ roles: ['admin'] }], false],
    ['internal', undefined, false],
  ])('is the one that Kong uses for %s', (route, authorize, allowMissing) => {
    const config = routeConfig(KONG_YML, route);
    expect(config).toMatchObject({ allow_missing: allowMissing });
    if (authorize) expect(config).toMatchObject({ authorize });
    else expect(config).not.toHaveProperty('authorize');
  });

  const onRoute = `plugins: [${plugin('of-route')}]`;
  const onService = `plugins: [${plugin('of-service')}]`;
  it.each([
    [
      'of-both',
      `services: [{ name: s, ${onService}, routes: [{ name: r, ${onRoute} }] }]\nplugins: [${plugin('of-both', 'route: r, service: s,')}]`,
    ],
    [
      'of-route',
      `services: [{ name: s, ${onService}, routes: [{ name: r, ${onRoute} }] }]\nplugins: [${plugin('global')}]`,
    ],
    [
      'of-route',
      `services: [{ name: s, ${onService}, routes: [{ name: r }] }]\nplugins: [${plugin('of-route', 'route: { name: r },')}]`,
    ],
    ['of-route', `routes: [{ name: r }]\nplugins: [${plugin('of-route', 'route: r,')}]`],
    ['of-service', `services: [{ name: s, ${onService}, routes: [{ name: r }] }]\nplugins: [${plugin('global')}]`],
    [
      'of-service',
      `services: [{ name: s }]\nroutes: [{ name: r, service: s }]\nplugins: [${plugin('global')}, ${plugin('of-service', 'service: s,')}]`,
    ],
    [
      'global',
      `services: [{ name: s, routes: [{ name: r }] }, { name: t, ${onService} }]\nplugins: [${plugin('elsewhere', 'route: q,')}, ${plugin('global')}]`,
    ],
    [
      'global',
      `services: [{ name: s, plugins: [${plugin('off', 'enabled: false,')}], routes: [{ name: r }] }]\nplugins: [${plugin('global')}]`,
    ],
    ['global', `routes: [{ name: r }]\nplugins: [${plugin('of-ada', 'consumer: ada,')}, ${plugin('global')}]`],
  ])('comes from the most specific place: %s', (realm, yaml) => {
    expect(realmOf(yaml)).toMatchObject({ realm });
  });

  it('is read from a file that holds what only Kong knows', () => {
    expect(
      realmOf(`upstreams: [{ name: u }]\nroutes: [{ name: r, plugins: [{ name: cors }] }]\nplugins: [${plugin('g')}]`),
    ).toMatchObject({ realm: 'g' });
  });

  it('has its vault references resolved', () => {
    const yaml = `routes: [{ name: r }]\nplugins: [{ name: jwt-identity, config: { issuers: [{ issuer: a, audiences: [x], secret: '{vault://env/my-secret}' }] } }]`;
    const secret = 'x'.repeat(32);
    expect(routeConfig(yaml, 'r', { MY_SECRET: secret })).toMatchObject({ issuers: [{ secret }] });
  });

  it.each([
    ['there is no such route', 'routes: [{ name: q }]', 'routes: there is no route with the name r'],
    ['the plugin is not on it', 'routes: [{ name: r }]', 'routes r: the plugin jwt-identity is not on this route'],
    [
      'a field is unknown',
      'routes: [{ name: r }]\nplugins: [{ name: jwt-identity, config: { x: 1 } }]',
      /^config\.(x|issuers): /,
    ],
    [
      'a vault is not the env vault',
      `routes: [{ name: r }]\nplugins: [{ name: jwt-identity, config: { issuers: [{ issuer: a, audiences: [x], secret: '{vault://aws/s}' }] } }]`,
      /^config\.issuers\[1\]\.secret: vault 'aws'/,
    ],
    ['it is no map', '[]', 'kong.yml: must be a map of entities'],
    ['it is no YAML', '{', /not readable as YAML/],
  ])('is refused when %s', (_, yaml, message) => {
    expect(() => realmOf(yaml)).toThrow(message);
  });
});
