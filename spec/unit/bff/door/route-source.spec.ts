import { describe, expect, it } from '@jest/globals';
import { readRoutes, type PolicyRoute, type RouteSource } from '../../../../src/bff/door/route-source';
import { doorFile, DOOR_CONFIG, guardedBy } from '../../../support/door-file';

const POLICIES = JSON.stringify({
  policies: { orders: { ...DOOR_CONFIG, realm: 'orders' }, stock: { ...DOOR_CONFIG, realm: 'stock' } },
});
const ROUTES: readonly PolicyRoute[] = [
  { policy: 'orders', paths: ['/api'], service: 'http://10.0.0.7:8080' },
  { policy: 'stock', paths: ['/api/stock'], service: 'https://10.0.0.8/v1/', stripPath: false, methods: ['GET'] },
];

/** The realm of the policy that a request gets, and what its service is asked for. */
function take(source: RouteSource, method: string, path: string): unknown {
  const routes = readRoutes({ environment: {}, ...source }, 'https');
  const targets = new Map(routes.guarded.map((each) => [each.route.id, each]));
  const found = routes.find(targets, { method, path, host: 'shop.test', port: 443, headerValues: () => [] });
  if (found === undefined) return undefined;
  const { config, service } = found.target;
  return [(config as { realm: string }).realm, service.host, found.prefix];
}

describe('the routes of a door with policies', () => {
  const source = { policies: POLICIES, routes: ROUTES };

  it.each([
    ['GET', '/api/orders', ['orders', '10.0.0.7', '/api']],
    ['GET', '/api/stock/7', ['stock', '10.0.0.8', null]],
    ['POST', '/api/stock/7', ['orders', '10.0.0.7', '/api']],
    ['GET', '/other', undefined],
  ])('choose the policy by path and method: %s %s', (method, path, expected) => {
    expect(take(source, method, path)).toEqual(expected);
  });

  it.each<[string, RouteSource, string]>([
    ['no source', {}, 'kongYml: give either this, or policies and routes'],
    ['policies without routes', { policies: POLICIES }, 'kongYml: give either this, or policies and routes'],
    [
      'a kong.yml and policies',
      { ...source, kongYml: doorFile({ plugins: [guardedBy()] }) },
      'kongYml: give either this, or policies and routes',
    ],
    ['no routes', { policies: POLICIES, routes: [] }, 'routes: must have at least one'],
    ['addresses of services', { ...source, services: {} }, 'services: needs kongYml: routes say where services are'],
    [
      'a policy that is not there',
      { policies: POLICIES, routes: [{ ...ROUTES[0]!, policy: 'toString' }] },
      'routes[1].policy: is the name of no policy',
    ],
    [
      'a route without paths',
      { policies: POLICIES, routes: [{ ...ROUTES[0]!, paths: [] }] },
      'routes[1].paths: must have at least one',
    ],
    [
      'a path that is none',
      { policies: POLICIES, routes: [ROUTES[0]!, { ...ROUTES[1]!, paths: ['api'] }] },
      'routes[2].paths',
    ],
    [
      'a method that is none',
      { policies: POLICIES, routes: [{ ...ROUTES[0]!, methods: ['get'] }] },
      'routes[1].methods',
    ],
    [
      'an address that is none',
      { policies: POLICIES, routes: [{ ...ROUTES[0]!, service: '10.0.0.7' }] },
      'routes[1].service: must be a URL',
    ],
    [
      'a policy that the plugin refuses',
      { policies: JSON.stringify({ policies: { orders: { issuer: 'x' } } }), routes: [ROUTES[0]!] },
      'policies.orders.issuer: unknown field',
    ],
  ])('are refused with %s, by the field', (_, wrong, message) => {
    expect(() => readRoutes({ environment: {}, ...wrong }, 'https')).toThrow(message);
  });
});
