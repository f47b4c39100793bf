import fc from 'fast-check';
import { Raw, type Tree, yamlOf } from './file-text';

type Members = Readonly<Record<string, fc.Arbitrary<Tree>>>;

/** What a field mostly is, and what it is now and then. */
const mostly = (
  good: fc.Arbitrary<Tree>,
  ...odd: readonly (readonly Tree[] | fc.Arbitrary<Tree>)[]
): fc.Arbitrary<Tree> =>
  fc.oneof(
    { weight: 150, arbitrary: good },
    ...odd.map((some) => ({
      weight: 1,
      arbitrary: Array.isArray(some) ? fc.constantFrom(...(some as Tree[])) : (some as fc.Arbitrary<Tree>),
    })),
    { weight: 1, arbitrary: fc.constantFrom<Tree>(...ANY) },
  );
const raw = (...texts: readonly string[]): Raw[] => texts.map((text) => new Raw(text));
const ANY: readonly Tree[] = [null, true, 5, 1.5, '', 'x', [], {}, ['x'], [null], { x: 1 }, ...raw('y', '~', '.inf')];
const tokens = (head: string, parts: readonly string[], max = 5): fc.Arbitrary<string> =>
  fc.array(fc.constantFrom(...parts), { maxLength: max }).map((some) => head + some.join(''));
const one = (...values: readonly Tree[]): fc.Arbitrary<Tree> => fc.constantFrom(...values);
const some = (items: fc.Arbitrary<Tree>, max = 2): fc.Arbitrary<Tree> => fc.array(items, { maxLength: max });

const boolean = mostly(fc.boolean(), raw('y', 'on', 'No', 'N', '!!bool y', '"true"'));
const integer = (...good: readonly number[]): fc.Arbitrary<Tree> =>
  mostly(
    one(...good),
    [-1, 0, 1.5, 1e21, 65_536],
    raw('0x1F', '017', '0o17', '1_0', '1:30', '5.0', '"5"', '!!int "5"', '0b11'),
  );
const text = mostly(one('a', 'b c', 'é', '{vault://env/x}'), raw('on', 'y', '2020-01-01', '12', '!!str 12', '"\\x41"'));
const name = mostly(
  fc.nat(999).map((n) => `n${n}`),
  ['one', 'a.b', 'ü', 'a b', 'a/b', 'one,'],
  raw('on', 'y', '12'),
);
const host = mostly(
  one('a.test', 'b.test', '*.a.test', 'a.*', '1.2.3.4', 'a.test:8000'),
  [
    '*',
    '*a.test',
    'a*',
    '*.*',
    '1.2.3',
    '0',
    '::1',
    '[::1]',
    '[::1]:80',
    'münchen.de',
    'a-.b',
    '-a',
    'a..b',
    '.a',
    'a.',
  ],
  tokens('', ['a', '1', '.', '-', ':', '*', '_', '[', ']', '8', ' ']),
);
const prefix = mostly(
  one('/', '/a', '/a/', '/b/c', '/a%2F', '/é'),
  ['/a b', '/a%20b', '/%61', '/a//b', '/a/../b', '/a?b', '/a"#b', 'a', '/a%2f', '/a/.'],
  tokens('/', ['a', '/', '.', '%', '2', 'f', 'F', '~', ' ', 'é', '?', '#', '"', ';', '{']),
);
const pattern = tokens(
  '~/',
  [
    'a',
    'b',
    '/',
    '\\d',
    '\\w',
    '\\.',
    '\\-',
    '\\q',
    '\\1',
    '\\z',
    '(',
    ')',
    '(?:',
    '(?<n>',
    '(?P<m>',
    '(?=',
    '(?!',
    '(?i)',
    '[',
    ']',
  ].concat([
    '[a-z]',
    '[^/]',
    '-',
    '^',
    '$',
    '|',
    '.',
    '*',
    '+',
    '?',
    '{2}',
    '{,3}',
    '{',
    '}',
    '+?',
    '++',
    '\\x41',
    '&&',
    '\\/',
    '%',
  ]),
  6,
);
const headers = mostly(
  fc
    .dictionary(fc.constantFrom('x-a', 'X-B', 'x_c'), some(one('v', '~*^v$', 'W'), 2), {
      maxKeys: 2,
    })
    .map((map) => ({ ...map })),
  [{ host: ['a'] }, { 'a b': ['a'] }, { x: [] }, { x: 'a' }, { x: ['~*('] }, { x: [null] }, { updated_at: ['a'] }],
);
const tags = mostly(some(one('a', 'b c', 'é')), [['a,b'], ['a/b'], 'a', [1]]);
const protocols = mostly(one(['http'], ['https'], ['http', 'https']), [
  [],
  ['foo'],
  ['grpc'],
  ['http', 'grpc'],
  ['tcp'],
  'http',
]);
const id = mostly(one('11111111-1111-4111-8111-111111111111', '21111111-1111-4111-8111-111111111111'), [
  'x',
  '1-1-1-1-1',
]);
const reference = (...good: readonly string[]): fc.Arbitrary<Tree> =>
  mostly(one(...good), ['nobody', { name: 'one' }, { id: '11111111-1111-4111-8111-111111111111' }]);

/** A map with some of these members, and now and then one that nobody knows. */
function entity(required: Members, optional: Members, odds = 5): fc.Arbitrary<Tree> {
  const common: Members = {
    id,
    tags,
    _comment: text,
    _ignore: some(text),
    created_at: integer(5),
    updated_at: integer(5),
    nope: text,
  };
  const members = {
    ...required,
    ...Object.fromEntries(Object.entries(optional).map(([name, value]) => [name, seldom(odds, value)])),
    ...Object.fromEntries(Object.entries(common).map(([name, value]) => [name, seldom(40, value)])),
  };
  return fc
    .record(members)
    .map((made) => Object.fromEntries(Object.entries(made).filter(([, value]) => value !== undefined)) as Tree);
}

/** A member that stands there once in so many times. */
function seldom(odds: number, value: fc.Arbitrary<Tree>): fc.Arbitrary<Tree | undefined> {
  return fc.oneof({ weight: odds - 1, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
}

const CONFIGS: Readonly<Record<string, Members>> = {
  acl: { allow: some(text), deny: some(text), hide_groups_header: boolean, always_use_authenticated_groups: boolean },
  cors: {
    origins: some(mostly(one('*', 'http://a.test', '.*\\.a$'), ['(', '(?i)a'])),
    headers: some(text),
    exposed_headers: some(text),
    methods: some(mostly(one('GET', 'POST'), ['get', 'FOO'])),
    max_age: integer(5),
    credentials: boolean,
    private_network: boolean,
    preflight_continue: boolean,
  },
  'key-auth': {
    key_names: some(mostly(one('apikey', 'x-key'), ['a b'])),
    hide_credentials: boolean,
    anonymous: text,
    key_in_header: boolean,
    key_in_query: boolean,
    key_in_body: boolean,
    run_on_preflight: boolean,
    realm: text,
  },
  'rate-limiting': {
    minute: integer(5),
    hour: integer(4, 50),
    limit_by: mostly(one('ip', 'consumer', 'header', 'path'), ['nope']),
    header_name: mostly(one('x-a'), ['a b']),
    path: prefix,
    policy: mostly(one('local'), ['redis', 'cluster', '']),
    redis: mostly(one({ host: 'a' }, {})),
    redis_host: host,
    error_code: integer(429),
    error_message: text,
    sync_rate: integer(-1),
  },
  'ip-restriction': {
    allow: some(
      mostly(one('1.2.3.4', '10.0.0.0/8', '::1', '::/0'), [
        '1.2.3',
        '1.2.3.4/33',
        '01.2.3.4',
        '[::1]',
        '1.2.3.4/08',
        'fe80::1%e',
      ]),
    ),
    deny: some(one('1.2.3.4')),
    status: integer(403),
    message: text,
  },
  'request-termination': {
    status_code: integer(200, 403),
    message: text,
    body: text,
    content_type: text,
    echo: boolean,
    trigger: mostly(one('x-a'), ['a b']),
  },
  'correlation-id': {
    header_name: text,
    generator: mostly(one('uuid', 'uuid#counter'), ['tracker', 'x']),
    echo_downstream: boolean,
  },
  'file-log': {
    path: mostly(one('/dev/null'), ['/a*', 'a']),
    reopen: boolean,
    custom_fields_by_lua: mostly(one({}), [{ a: 'return 1' }]),
  },
};
/** What a configuration needs to be one. */
const NEEDED: Readonly<Record<string, Readonly<Record<string, Tree>>>> = {
  acl: { allow: ['a'] },
  'rate-limiting': { minute: 4 },
  'ip-restriction': { deny: ['1.2.3.4'] },
  'file-log': { path: '/dev/null' },
};
const plugin = fc.constantFrom(...Object.entries(CONFIGS)).chain(([kind, fields]) => {
  const config = mostly(
    entity({}, fields, 5).map((members) => ({ ...NEEDED[kind], ...(members as object) })),
    [null, [], {}],
  );
  return entity(
    { name: mostly(one(kind), ['http-log', 'nope']), config },
    {
      enabled: boolean,
      protocols,
      instance_name: name,
      route: reference('one', 'two'),
      service: reference('one', 'two'),
      consumer: reference('ada', 'bob'),
    },
    9,
  );
});
const plugins = some(plugin);
const route = entity(
  { paths: some(fc.oneof({ weight: 6, arbitrary: prefix }, { weight: 1, arbitrary: pattern })) },
  {
    name,
    hosts: some(host),
    methods: some(mostly(one('GET', 'POST', 'FOO'), ['get', 'A_B'])),
    headers,
    protocols,
    strip_path: boolean,
    preserve_host: boolean,
    regex_priority: integer(0, 5),
    https_redirect_status_code: integer(426, 301),
    path_handling: mostly(one('v0'), ['v1', 'v2']),
    request_buffering: boolean,
    snis: mostly(one([]), [['a.test']]),
    sources: mostly(one(null), [[], [{ ip: '1.2.3.4' }]]),
    service: reference('one', 'two'),
    plugins,
  },
);
const url = mostly(one('http://a.test', 'https://a.test:8443/x', 'http://[::1]:80'), [
  'a',
  'a:80',
  '//a',
  'HTTP://a',
  'ftp://a',
  'grpc://a',
  'http://a:b',
  'http://a:99999',
  'http://a?x',
  'http://u:p@a',
  'http://a//b',
  'http://1.2.3',
  5,
  '',
]);
const service = fc.oneof(
  ...[{ host }, { url }].map((address) =>
    entity(address, {
      name,
      port: integer(80, 8000),
      protocol: mostly(one('http', 'https'), ['grpc', 'ws', 'HTTP']),
      path: prefix,
      retries: integer(5),
      connect_timeout: integer(1000),
      tls_verify: boolean,
      enabled: boolean,
      routes: some(route),
      plugins,
    }),
  ),
);
const acl = entity({ group: text }, {});
const key = entity({ key: text }, { ttl: integer(0, 5) }, 9);
const consumer = entity(
  { username: mostly(name, ['ada', null]) },
  { custom_id: text, acls: some(acl), keyauth_credentials: some(key), plugins },
);
const owned = (kind: Members): fc.Arbitrary<Tree> => some(entity({ ...kind, consumer: reference('ada', 'bob') }, {}));
const file = entity(
  {
    _format_version: fc.oneof(
      { weight: 30, arbitrary: one('3.0') },
      { weight: 2, arbitrary: one('1.1', '2.1') },
      { weight: 1, arbitrary: one('2.0', 3) },
    ),
    // Most references find what they are for.
    services: mostly(
      some(service).map((list) => [
        { name: 'one', host: 'a.test', routes: [{ name: 'one', hosts: ['one.test'] }] },
        { name: 'two', url: 'http://b.test' },
        ...(list as Tree[]),
      ]),
      [{}, null],
    ),
    consumers: mostly(
      some(consumer).map((list) => [{ username: 'ada' }, { custom_id: 'b', username: 'bob' }, ...(list as Tree[])]),
      [{}],
    ),
  },
  {
    routes: some(route).map((list) => [{ name: 'two', paths: ['/two'] }, ...(list as Tree[])]),
    plugins,
    acls: owned({ group: text }),
    keyauth_credentials: owned({ key: text }),
    upstreams: one([]),
    _transform: boolean,
    _comment: text,
  },
  4,
);

/** Text of kong.yml files: most with at least one thing that Kong may refuse, the rest without. */
export const fileText: fc.Arbitrary<string> = fc
  .tuple(file, fc.nat(5))
  .map(([tree, flowFrom]) => yamlOf(tree, Math.max(1, flowFrom)));

/** The same with a few characters more or less, so that some of them are no YAML. */
export const damagedText: fc.Arbitrary<string> = fc
  .tuple(
    fileText,
    fc.array(
      fc.tuple(
        fc.nat(9_999),
        fc.constantFrom(
          ...[':', ',', '-', '[', ']', '{', '}', '#', '&', '*', '!', '|', '>'],
          ...["'", '"', '%', '?', ' ', '\n', '\t', ''],
        ),
      ),
      { minLength: 1, maxLength: 2 },
    ),
  )
  .map(([whole, changes]) =>
    changes.reduce((given, [where, char]) => {
      const at = where % (given.length + 1);
      return given.slice(0, at) + char + given.slice(char === '' ? at + 1 : at);
    }, whole),
  );
