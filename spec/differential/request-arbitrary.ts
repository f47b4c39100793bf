import fc from 'fast-check';

type Given = Readonly<Record<string, unknown>>;

/** A file and what is sent to both gateways under it. */
export interface Scenario {
  /** Entities without the addresses of services: every route has a service of its own, which shows in the path. */
  readonly routes: readonly Given[];
  readonly plugins: readonly Given[];
  /** Bytes, one character for each. */
  readonly requests: readonly string[];
}

const pick = <T>(...values: readonly T[]): fc.Arbitrary<T> => fc.constantFrom(...values);
const list = <T>(item: fc.Arbitrary<T>, minLength: number, maxLength: number): fc.Arbitrary<T[]> =>
  fc.uniqueArray(item, { minLength, maxLength });
const bytes = (text: string): string => Buffer.from(text).toString('latin1');

const plugin: fc.Arbitrary<Given> = fc.oneof(
  fc.record({
    name: pick('key-auth'),
    config: fc.record(
      {
        hide_credentials: fc.boolean(),
        key_in_query: fc.boolean(),
        anonymous: pick('anon'),
        run_on_preflight: fc.boolean(),
        realm: pick('r'),
      },
      { requiredKeys: [] },
    ),
  }),
  fc.record({
    name: pick('acl'),
    config: fc.oneof(
      fc.record({ allow: list(pick('g1', 'g2'), 1, 2), hide_groups_header: fc.boolean() }),
      fc.record({ deny: list(pick('g1', 'g2'), 1, 2) }),
    ),
  }),
  fc.record({
    name: pick('cors'),
    config: fc.record(
      {
        origins: list(pick('*', 'http://a.test', '.*\\.a\\.test'), 1, 2),
        credentials: fc.boolean(),
        preflight_continue: fc.boolean(),
        exposed_headers: pick(['x-e']),
        headers: pick(['x-h']),
        methods: pick(['GET', 'PUT']),
        max_age: pick(5),
        private_network: fc.boolean(),
      },
      { requiredKeys: [] },
    ),
  }),
  fc.record({
    name: pick('ip-restriction'),
    config: pick<Given>(
      { allow: ['127.0.0.0/8'] },
      { deny: ['127.0.0.1'], status: 404, message: 'no' },
      { deny: ['::1'] },
    ),
  }),
  fc.record({
    name: pick('request-termination'),
    config: pick<Given>(
      { status_code: 403, message: 'stop' },
      { status_code: 204, trigger: 'x-t' },
      { status_code: 200, body: '<a>', content_type: 'text/html', trigger: 'x-t' },
      { status_code: 503, trigger: 't' },
    ),
  }),
  fc.record({
    name: pick('correlation-id'),
    config: fc.record({
      header_name: pick('X-Request-Id', 'X_A'),
      generator: pick('uuid', 'uuid#counter'),
      echo_downstream: fc.boolean(),
    }),
  }),
  fc.record({
    name: pick('rate-limiting'),
    config: fc.record({
      year: pick(1, 3),
      limit_by: pick('ip', 'consumer', 'header'),
      header_name: pick('x-a'),
      hide_client_headers: fc.boolean(),
    }),
  }),
);

const PATHS = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/b',
  '/é',
  '/a%2Fb',
  '/A',
  '/a b',
  '~/a/\\d+',
  '~/a$',
  '~/.*',
  '~/.*\\.css$',
  '~/(?<x>[ab])/c',
  '~/b|/c',
];
const route = fc.record(
  {
    hosts: list(pick('a.test', 'b.test', '*.test', 'a.*', 'a.test:8000', '1.2.3.4'), 1, 3),
    paths: list(pick(...PATHS), 1, 3),
    methods: list(pick('GET', 'POST', 'FOO', 'HEAD'), 1, 3),
    headers: pick<Given>({ 'x-a': ['v'] }, { X_A: ['v', 'w'] }, { 'x-a': ['~*^v+$'] }, { 'x-a': ['v'], 'x-b': ['V'] }),
    strip_path: fc.boolean(),
    preserve_host: fc.boolean(),
    regex_priority: pick(0, 1, 5, 4096),
    protocols: pick(['http', 'https'], ['http'], ['https']),
    plugins: fc.uniqueArray(plugin, { maxLength: 2, selector: ({ name }) => name }),
  },
  { requiredKeys: ['paths'] },
);
const routes = fc.array(
  fc
    .record({
      all: route,
      base: pick('/', '/s', '/s/', undefined),
      isDisabled: pick(false, false, false, true),
      left: fc.subarray(['hosts', 'methods', 'paths'], { minLength: 1 }),
      odd: pick(undefined, undefined, 'headers', 'protocols'),
    })
    .map(({ all, base, isDisabled, left, odd }) => {
      const conditions = ['hosts', 'methods', 'paths', 'headers', 'protocols'];
      const members = Object.entries(all).filter(
        ([name]) => !conditions.includes(name) || left.includes(name) || name === odd,
      );
      const made = Object.fromEntries(members);
      const isEmpty = !left.some((name) => name in made) && made['headers'] === undefined;
      return { base, isDisabled, route: isEmpty ? { ...made, paths: ['/'] } : made };
    }),
  { minLength: 1, maxLength: 4 },
);

const METHODS = ['GET', 'GET', 'GET', 'POST', 'HEAD', 'OPTIONS', 'DELETE', 'FOO', 'get', 'FOO_BAR', 'TRACE', 'G{T', ''];
const TARGETS = [
  '/',
  '/a',
  '/a/',
  '/a/b',
  '/a/1',
  '/a/b/c',
  '/b',
  '/b/c',
  '/c',
  '/A',
  '/x.css',
  '//a',
  '/a//b',
  '/./a',
  '/b/../a',
  '/a%2Fb',
  '/a%2fb',
  '/%61',
  '/a%20b',
  bytes('/é'),
  '/%C3%A9',
  '/%zz',
  '/a/%',
  '/%00',
  '/..',
  '//../a',
  '/%ff',
  '/a;x',
  '/a:b',
  'http://a.test/a',
  'http://b.test',
  '*',
  'a',
  '/a"b',
  '/a\\b',
  '/a|b',
  '/a^{}',
];
const QUERIES = [
  '',
  '',
  '',
  '?apikey=k1',
  '?apikey=k2&x=1',
  '?x=%zz',
  '?',
  '?a=b?c',
  '#f',
  '#f?x=1',
  '?t',
  '?apikey=k1&apikey=k2',
];
const HOSTS = [
  'Host: a.test',
  'Host: a.test',
  'Host: b.test',
  'Host: x.test',
  'Host: a.test:8000',
  'Host: A.TEST',
  'Host: a.test.',
  'Host: a.x',
  'Host: 1.2.3.4',
  'Host: [::1]',
  'Host:',
  'Host: a b',
  'Host: a/b',
  'Host: a_b',
  'Host: a.test:x',
  'host:a.test',
  '',
];
const HEADERS = [
  ...[
    'apikey: k1',
    'apikey: k2',
    'apikey: nope',
    'APIKEY: k1',
    'apikey:',
    'X-A: v',
    'x-a: V',
    'x-a: vv',
    'X_A: w',
    'X-B: v',
    'X-T: 1',
  ],
  ...[
    'Origin: http://a.test',
    'Origin: https://b.a.test',
    'Origin: null',
    'Access-Control-Request-Method: GET',
    'Access-Control-Request-Headers: x',
  ],
  ...[
    'Connection: X-A',
    'Connection: keep-alive, apikey',
    'Keep-Alive: 5',
    'Te: trailers',
    'Upgrade: h2c',
    'Proxy-Connection: close',
  ],
  ...[
    'X-Forwarded-For: 1.2.3.4',
    'X-Forwarded-Proto: https',
    'X-Forwarded-Host: evil',
    'X-Forwarded-Prefix: /x',
    'X-Real-IP: 1.2.3.4',
  ],
  ...[
    'Authorization: Bearer x',
    'Cookie: a=b',
    'Cookie: c=d',
    'Content-Type: application/json',
    'User-Agent: u',
    'X-Request-Id: mine',
  ],
  ...[
    'X-Consumer-Username: root',
    'X-Consumer-Groups: g1',
    'X-Long: ' + 'a'.repeat(5_000),
    'X-Empty:',
    'X-Tab:\tb\t',
    bytes('X-U: é'),
  ],
  ...[
    'X-Bad\x01: a',
    'X-C: a\x01b',
    'NoColon',
    'X B: c',
    bytes('X-É: a'),
    ' folded',
    'X-Dup: 1',
    'X-Dup: 2',
    'X.Dot: a',
    'X-Null: a\0b',
    'X-Del: \x7f',
  ],
];
const BODIES = [
  ...[
    '',
    '',
    '',
    '',
    'Content-Length: 3\r\n\r\nabc',
    'Content-Length: 0\r\n\r\n',
    'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
  ],
  ...[
    'Content-Length: x\r\n\r\nabc',
    'Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc',
    'Content-Length: +3\r\n\r\nabc',
    'Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
  ],
  ...[
    'Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n',
    'Transfer-Encoding: CHUNKED\r\n\r\n1\r\na\r\n0\r\n\r\n',
    'Transfer-Encoding: chunked\r\n\r\nzz\r\n',
  ],
];
const VERSIONS = [...Array<string>(12).fill('HTTP/1.1'), 'HTTP/1.0', 'HTTP/2.0', 'HTTP/1.2', 'http/1.1', ''];
/** Mostly the first ones of a list, which are what clients send. */
const early = (values: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 1, arbitrary: pick(...values) },
    { weight: 9, arbitrary: pick(...values.slice(0, Math.ceil(values.length / 3))) },
  );

const request = fc
  .tuple(
    early(METHODS),
    early(TARGETS),
    pick(...QUERIES),
    early(VERSIONS),
    early(HOSTS),
    list(early(HEADERS), 0, 4),
    early(BODIES),
  )
  .map(([method, target, query, version, host, headers, body]) => {
    const lines = [
      `${method} ${target}${query}${version === '' ? '' : ` ${version}`}`,
      ...(host === '' ? [] : [host]),
      ...headers,
      'Connection: close',
    ];
    return `${lines.join('\r\n')}\r\n${body === '' ? '\r\n' : body.includes('\r\n\r\n') ? body : `${body}\r\n\r\n`}`;
  });

/** Files that Kong takes, and requests of every kind, some of which are no HTTP. */
export const scenario: fc.Arbitrary<Scenario> = fc
  .record({
    routes,
    // Kong alone is probed, so a limit for all routes would be used up there.
    plugins: fc.uniqueArray(
      plugin.filter(({ name }) => name !== 'rate-limiting'),
      { maxLength: 1, selector: ({ name }) => name },
    ),
    requests: fc.array(request, { minLength: 10, maxLength: 40, size: 'max' }),
  })
  .map(({ routes: made, plugins, requests }) => ({
    routes: made.map(({ base, isDisabled, route: given }) => ({ base, isDisabled, route: given })),
    plugins,
    requests,
  }));

/**
 * Returns the file of a scenario. Names are new each time, so that nothing is counted twice. All answers to the host
 * `<mark>.probe.invalid` have a header `X-Probe-<mark>`, also those of global plugins, once routes and plugins serve.
 */
export function fileOf({ routes: given, plugins }: Scenario, serviceUrl: string, mark: string): string {
  const services = given.map((all, i) => {
    const { base, isDisabled, route: own } = all as { base?: string; isDisabled: boolean; route: Given };
    return {
      name: `s-${mark}-${i}`,
      url: `${serviceUrl}/${i}${base ?? ''}`,
      enabled: !isDisabled,
      routes: [{ name: `r-${mark}-${i}`, ...own }],
    };
  });
  const echo = { name: 'correlation-id', config: { header_name: `X-Probe-${mark}`, echo_downstream: true } };
  // Kong 3.9.3: a `regex_priority` of 4096 overflows into the sign and beats every route without it.
  const first = { methods: ['GET'], paths: ['~/'], regex_priority: 4096 };
  const probe = { name: `probe-${mark}`, hosts: [`${mark}.probe.invalid`], ...first, plugins: [echo] };
  return JSON.stringify({
    _format_version: '3.0',
    services: [...services, { name: `probe-${mark}`, url: serviceUrl, routes: [probe] }],
    consumers: [
      { username: 'ada', custom_id: 'a', keyauth_credentials: [{ key: 'k1' }], acls: [{ group: 'g1' }] },
      { username: 'bob', keyauth_credentials: [{ key: 'k2' }], acls: [{ group: 'g2' }] },
      { username: 'anon' },
    ],
    plugins,
  });
}
