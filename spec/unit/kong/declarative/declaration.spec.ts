import { describe, expect, it } from '@jest/globals';
import { ConfigurationError } from '../../../../src/kong/declarative/configuration-error';
import { declared } from '../../../support/declared';

function faults(text: string): string[] {
  try {
    declared(text);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.message.split('\n');
  }
}

const HEAD = `_format_version: '3.0'\n`;

describe('a kong.yml', () => {
  it('becomes entities with the ids that Kong derives from their names', () => {
    const { services, routes, consumers } = declared(`${HEAD}
services:
- name: echo
  url: http://127.0.0.1:9000/base
  routes:
  - { name: reads, paths: [/reads] }
consumers:
- { username: alice, custom_id: al, acls: [{ group: g1 }], keyauth_credentials: [{ key: k }] }
acls:
- { consumer: alice, group: g2 }
`);
    // From the recording of Kong 3.9.3.
    expect(services[0]).toMatchObject({
      id: 'adbd70b3-4224-5183-a52a-179d7b34ab5b',
      port: 9000,
      path: '/base',
      retries: 5,
    });
    expect(routes[0]).toMatchObject({ id: 'ce18a5bd-af38-5d87-ae58-42d5412a7fbe', strip_path: true });
    expect(routes[0]?.service).toBe(services[0]);
    expect(consumers[0]).toMatchObject({ id: 'b32379d9-3d28-5683-a79c-72139be6e34f', groups: ['g1', 'g2'] });
    expect(consumers[0]?.keys.map(({ key }) => key)).toEqual(['k']);
  });

  it('shares configurations by anchors, merge keys and _ignore', () => {
    const { plugins } = declared(`${HEAD}
_ignore:
- &limits { minute: 5, policy: local }
plugins:
- { name: rate-limiting, config: { <<: *limits, hour: 10 } }
`);
    expect(plugins[0]?.config).toMatchObject({ minute: 5, hour: 10, limit_by: 'consumer' });
  });

  it('may have _comment and _ignore in each entity', () => {
    const said = `_comment: 'a: b', _ignore: [{ any: thing }]`;
    const { services, routes, plugins, consumers } = declared(`${HEAD}
_comment: the file
services: [{ name: s, ${said}, url: 'http://s.test', routes: [{ name: r, ${said}, paths: [/r] }] }]
consumers: [{ username: ada, ${said} }]
plugins: [{ name: cors, ${said} }]
`);
    expect([services, routes, plugins, consumers].map((entities) => entities.length)).toEqual([1, 1, 1, 1]);
  });

  it('binds plugins to what they stand under, or to what they name', () => {
    const { plugins, routes, services, consumers } = declared(`${HEAD}
services:
- name: s
  url: http://s.test
  plugins: [{ name: cors }]
  routes: [{ name: r, paths: [/r], plugins: [{ name: correlation-id }] }]
consumers: [{ username: ada, plugins: [{ name: request-termination }] }]
plugins:
- { name: rate-limiting, service: s, route: r, consumer: ada, config: { minute: 1 } }
- { name: acl, enabled: false, config: { allow: [a] } }
`);
    const [service, route, consumer] = [services[0]?.id, routes[0]?.id, consumers[0]?.id];
    const scopes = plugins.map(({ name, serviceId, routeId, consumerId }) => [name, serviceId, routeId, consumerId]);
    expect(scopes).toEqual([
      ['rate-limiting', service, route, consumer],
      ['cors', service, null, null],
      ['correlation-id', null, route, null],
      ['request-termination', null, null, consumer],
    ]);
  });

  it('knows no dates, sets and ordered maps, as Kong does not', () => {
    const { consumers } = declared(
      `${HEAD}consumers: [{ username: 2020-01-01, acls: [!!omap { group: !!binary aGk= }] }]`,
    );
    expect(consumers).toMatchObject([{ username: '2020-01-01', groups: ['aGk='] }]);
    expect(faults(`${HEAD}plugins: [{ name: acl, config: { allow: !!set { a } } }]`)).toContain(
      'plugins[1].config.allow: expected an array',
    );
  });

  it('takes {vault://env/…} from the environment', () => {
    // No bundled plugin here has a field that may be a reference, so the text stays what it is.
    const text = `${HEAD}plugins: [{ name: request-termination, config: { message: '{vault://env/x}' } }]`;
    expect(declared(text, { X: 'y' }).plugins[0]?.config).toMatchObject({ message: '{vault://env/x}' });
  });
});

describe('a kong.yml is refused, with the path of what is wrong', () => {
  it.each([
    ['', `expected a map of entities`],
    ['services: []', '_format_version: required field missing'],
    ['_format_version: 3.0', `_format_version: expected the text '3.0', in quotes`],
    [`${HEAD}route: []`, 'route: unknown field'],
    [`${HEAD}services: [{ name: a }]`, 'services[1].host: required field missing'],
    [
      `${HEAD}services: [{ url: 'ftp://a' }]`,
      'services[1].protocol: expected one of: grpc, grpcs, http, https, tcp, tls, tls_passthrough, udp',
    ],
    [
      `${HEAD}services: [{ url: 'tcp://a:1' }]`,
      'services[1].protocol: the development gateway does not have this; run this file with Kong',
    ],
    [
      `${HEAD}services: [{ url: 'http://a', routes: [{ paths: [a] }] }]`,
      'services[1].routes[1].paths[1]: should start with: / (fixed path) or ~/ (regex path)',
    ],
    [`${HEAD}routes: [{ paths: ['~/('] }]`, 'routes[1].paths[1]: invalid regular expression: /('],
    [
      `${HEAD}routes: [{ hosts: ['a.*.b'] }]`,
      'routes[1].hosts[1]: invalid wildcard: must be placed at leftmost or rightmost label',
    ],
    [`${HEAD}routes: [{ paths: [/a], service: nobody }]`, 'routes[1].service: refers to no service of this file'],
    [`${HEAD}upstreams: [{}]`, 'upstreams: the development gateway does not have this; run this file with Kong'],
    [
      `${HEAD}plugins: [{ name: http-log }]`,
      `plugins[1].name: plugin 'http-log': the development gateway does not have this; run this file with Kong`,
    ],
    [`${HEAD}plugins: [{ name: cors, config: { origin: ['*'] } }]`, 'plugins[1].config.origin: unknown field'],
    [
      `${HEAD}plugins: [{ name: ip-restriction, config: { allow: [10.0.0.0/33] } }]`,
      `plugins[1].config.allow[1]: invalid ip or cidr range: '10.0.0.0/33'`,
    ],
    [
      `${HEAD}plugins: [{ name: rate-limiting, config: { minute: 5, hour: 1 } }]`,
      'plugins[1].config: The limit for hour(1.0) cannot be lower than the limit for minute(5.0)',
    ],
    [
      `${HEAD}plugins: [{ name: rate-limiting, config: { minute: 5, policy: redis } }]`,
      'plugins[1].config.policy: the development gateway does not have this; run this file with Kong',
    ],
    [
      `${HEAD}consumers: [{ username: a }]\nplugins: [{ name: cors, consumer: a }]`,
      'plugins[1].consumer: value must be null',
    ],
    [
      `${HEAD}consumers: [{ username: a, plugins: [{ name: cors }] }]`,
      'consumers[1].plugins[1].consumer: value must be null',
    ],
    [`${HEAD}plugins: [{ name: cors }, { name: cors }]`, `plugins[2]: plugin 'cors' stands twice at the same place`],
    [`${HEAD}services: [{ name: a, url: 'http://a' }, { name: a, url: 'http://b' }]`, null],
    [`${HEAD}acls: [{ group: g }]`, 'acls[1].consumer: required field missing'],
    [`a: 1\na: 2`, 'not readable as YAML: Map keys must be unique at line 2, column 1'],
    [`a: *b`, 'not readable as YAML: Alias without an anchor before it at line 1, column 4'],
    [`a: &a { <<: *a }`, 'not readable as YAML: Alias that leads to itself at line 1, column 13'],
    [`${HEAD}routes: [{ paths: /a }]`, 'routes[1].paths: expected an array'],
    [
      `${HEAD}plugins: [{ name: cors, route: { username: null } }]`,
      'plugins[1].route: refers to no route of this file; a map must have its id, a name stands without a map',
    ],
  ])('%j', (text, fault) => {
    const found = faults(text);
    if (fault === null) expect(found).not.toEqual([]);
    else expect(found).toContain(fault);
  });

  it('all at once', () => {
    expect(faults(`${HEAD}services: [{ url: 5 }]\nroutes: [{ paths: [x] }, { nope: 1, paths: [/] }]`)).toHaveLength(3);
  });
});
