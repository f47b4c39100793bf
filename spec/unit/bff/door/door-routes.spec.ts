import { describe, expect, it } from '@jest/globals';
import { readDoorRoutes, type DoorFileOptions, type DoorRoutes } from '../../../../src/bff/door/door-routes';
import { guardedBy } from '../../../support/door-file';

const OPTIONS: DoorFileOptions = { environment: {}, services: {}, unsafeIgnoredPlugins: [], protocol: 'https' };
const url = 'http://127.0.0.1:1';

function read(members: Readonly<Record<string, unknown>>, options: Partial<DoorFileOptions> = {}): DoorRoutes {
  return readDoorRoutes({ _format_version: '3.0', ...members }, { ...OPTIONS, ...options });
}

/** The name of the route that a GET takes, as far as the door serves it. */
function take(routes: DoorRoutes, path: string, headers: Readonly<Record<string, string>> = {}): string | undefined {
  const targets = new Map(routes.guarded.map(({ route }) => [route.id, route.name]));
  const headerValues = (name: string): string[] => (headers[name] === undefined ? [] : [headers[name]]);
  return routes.find(targets, { method: 'GET', path, host: 'shop.test', port: 443, headerValues })?.target ?? undefined;
}

const plugins = [guardedBy()];
const route = (name: string, paths: readonly string[], more = {}): Record<string, unknown> => ({
  name,
  paths,
  plugins,
  ...more,
});

describe('the routes of a door', () => {
  it('are asked in the order of Kong, not in that of the file', () => {
    const routes = read({ services: [{ url, routes: [route('all', ['/']), route('admin', ['/admin'])] }] });
    expect(take(routes, '/admin/users')).toBe('admin');
    expect(take(routes, '/orders')).toBe('all');
  });

  it('do not serve a route without the plugin, also not by way of one that would take the rest', () => {
    const open = { name: 'open', paths: ['/open'] };
    const routes = read({ services: [{ url, routes: [route('all', ['/']), open] }] });
    expect(take(routes, '/open/x')).toBeUndefined();
    expect(routes.unguarded.map(({ name }) => name)).toEqual(['open']);
    expect(take(routes, '/x')).toBe('all');
  });

  it('do not serve a path that another spelling of its letters would lead to a stricter route', () => {
    const regex = route('numbers', ['~/Numbers/\\d+$']);
    const upper = route('upper', ['/Reports']);
    const routes = read({
      services: [{ url, routes: [route('all', ['/']), route('admin', ['/admin']), upper, regex] }],
    });
    expect(take(routes, '/Admin')).toBeUndefined();
    expect(take(routes, '/ADMIN/users')).toBeUndefined();
    expect(take(routes, '/reports')).toBe('all');
    expect(take(routes, '/Reports/1')).toBe('upper');
    expect(take(routes, '/Numbers/1')).toBe('numbers');
    expect(take(routes, '/Orders')).toBe('all');
  });

  it('leave routes of disabled services out', () => {
    const routes = read({
      services: [
        { name: 'a', url, enabled: false, routes: [route('off', ['/off'])] },
        { name: 'b', url, routes: [route('on', ['/on'])] },
      ],
    });
    expect(routes.guarded.map((each) => each.route.name)).toEqual(['on']);
    expect(take(routes, '/off')).toBeUndefined();
  });

  it('have the configuration that Kong would use', () => {
    const routes = read({
      services: [
        { url, plugins: [guardedBy({ realm: 'service' })], routes: [{ name: 'a', paths: ['/a'] }] },
        {
          url,
          routes: [route('b', ['/b'], { plugins: [guardedBy({ realm: 'route' })] }), { name: 'c', paths: ['/c'] }],
        },
      ],
      plugins: [guardedBy({ realm: 'everywhere' })],
    });
    const realms = routes.guarded.map((each) => (each.config as { realm: string }).realm);
    expect(realms).toEqual(['service', 'route', 'everywhere']);
  });

  it('have the addresses that this place gives to services', () => {
    const services = [{ name: 'orders', url, routes: [route('orders', ['/orders'])] }];
    const [found] = read({ services }, { services: { orders: 'https://10.0.0.7:8443/v1/' } }).guarded;
    expect(found?.service).toMatchObject({ protocol: 'https', host: '10.0.0.7', port: 8443, path: '/v1' });
  });

  it.each([
    ['of no service', { other: url }, 'services.other: there is no service with this name'],
    ['that is no URL', { orders: '10.0.0.7:80' }, 'services.orders: must be a URL'],
    ['of another scheme', { orders: 'ftp://10.0.0.7' }, 'services.orders: must be a URL'],
    ['with a query', { orders: 'http://10.0.0.7/?a' }, 'services.orders: must be a URL'],
  ])('refuse an address %s', (_, services, message) => {
    const file = { services: [{ name: 'orders', url, routes: [route('orders', ['/orders'])] }] };
    expect(() => read(file, { services })).toThrow(message);
  });

  const restricted = { name: 'acl', config: { allow: ['staff'] } };
  const limited = { name: 'rate-limiting', config: { minute: 5 } };
  it.each([
    [
      'on the route',
      { services: [{ url, routes: [route('r', ['/'], { plugins: [...plugins, restricted] })] }] },
      'acl',
    ],
    ['on the service', { services: [{ url, plugins: [limited], routes: [route('r', ['/'])] }] }, 'rate-limiting'],
    ['on every route', { services: [{ url, routes: [route('r', ['/'])] }], plugins: [limited] }, 'rate-limiting'],
    [
      'of a consumer',
      {
        services: [{ url, routes: [route('r', ['/'])] }],
        consumers: [{ username: 'ada' }],
        plugins: [{ ...limited, consumer: 'ada' }],
      },
      'rate-limiting',
    ],
  ])('refuse a plugin that the door does not run: %s', (_, file, name) => {
    expect(() => read(file)).toThrow(`routes r: the plugin ${name} does not run in this door: `);
    expect(() => read(file, { unsafeIgnoredPlugins: [name] })).not.toThrow();
  });

  it('take a plugin that the door does not run where it is off, or on routes that are not served', () => {
    const routes = read({
      services: [
        { name: 'a', url, routes: [route('r', ['/'], { plugins: [...plugins, { ...restricted, enabled: false }] })] },
        { name: 'b', url, routes: [{ name: 'open', paths: ['/open'], plugins: [restricted] }] },
      ],
    });
    expect(routes.guarded).toHaveLength(1);
  });

  it('take a plugin that Kong runs on another service or another route only', () => {
    const routes = read({
      services: [
        { name: 'a', url, routes: [route('r', ['/'])] },
        { name: 'b', url, plugins: [limited], routes: [{ name: 'open', paths: ['/open'] }] },
        { name: 'c', url, routes: [{ name: 'more', paths: ['/more'], plugins: [restricted] }] },
      ],
    });
    expect(routes.guarded.map((each) => each.route.name)).toEqual(['r']);
  });

  it.each([
    ['a route without a service', { routes: [route('r', ['/'])] }, 'routes r: has no service'],
    [
      'a route for http when browsers use https',
      { services: [{ url, routes: [route('r', ['/'], { protocols: ['http'] })] }] },
      'routes r: takes http only, and session.origin is https',
    ],
    [
      'what only Kong has',
      { services: [{ url, routes: [route('r', ['/'], { snis: ['a.test'] })] }] },
      'the door does not have this',
    ],
    ['upstreams', { upstreams: [{ name: 'u' }], services: [] }, 'the door does not have this'],
    [
      'the plugin on a consumer',
      {
        services: [{ url, routes: [route('r', ['/'])] }],
        consumers: [{ username: 'ada' }],
        plugins: [{ ...guardedBy(), consumer: 'ada' }],
      },
      /consumer/,
    ],
  ])('refuse %s', (_, file, message) => {
    expect(() => read(file)).toThrow(message);
  });
});
