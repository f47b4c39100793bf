import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CONFIG_RECORD } from '../../schema/parse-config';
import { bundledPlugins } from '../../src/gateway/plugins/bundled/bundled-plugins';
import { ConfigurationError } from '../../src/kong/declarative/configuration-error';
import { readDeclaration } from '../../src/kong/declarative/declaration';
import type { Declaration, PluginEntry } from '../../src/kong/declarative/entities';
import { readYaml } from '../../src/kong/declarative/yaml';
import { Generation } from '../../src/gateway/generation';
import type { PluginKind } from '../../src/gateway/plugins/plugin-kind';
import { boundedRun } from '../support/bounded-run';
import { pluginHost } from '../support/exchange';

type Tree = null | boolean | number | string | Tree[] | { [name: string]: Tree };
type Map = Record<string, Tree>;

const jwtIdentity: PluginKind = {
  name: 'jwt-identity',
  priority: 985,
  schema: { type: 'record', fields: [{ config: CONFIG_RECORD }] },
  configure: () => ({}),
};
const KINDS = [...bundledPlugins, jwtIdentity];

/** Loads a file as the gateway does at its start and at a reload. */
function load(text: string): Declaration {
  const declaration = readDeclaration(readYaml(text), {
    environment: {},
    findPlugin: (name) => KINDS.find((kind) => kind.name === name),
    nowSeconds: 1_700_000_000,
  });
  new Generation(declaration, KINDS, pluginHost());
  return declaration;
}

/** In every secret of the files below, and nowhere else. */
const MARK = 'hunter2';
const SECRET = `${MARK}, 0123456789abcdef 0123456789abcdef`;
/** Said of a line, or of the whole file, or of a member whose name is empty. */
const WITHOUT_FIELD = /at line \d+, column \d+$|^expected a map|: (A merge key|Merge sour|Excessive)|^unknown field$/;

/** What came of a file. Anything but a configuration or a refusal that names a place and no secret fails the spec. */
function outcome(text: string): Declaration | ConfigurationError {
  try {
    return load(text);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    expect(error.violations).not.toEqual([]);
    for (const { field, message } of error.violations) {
      if (field === '') expect(message).toMatch(WITHOUT_FIELD);
      expect(message).not.toContain(MARK);
    }
    return error;
  }
}

const identity = {
  issuers: [
    { issuer: 'https://a/', audiences: ['shop'], secret: SECRET },
    { issuer: 'https://b/', audiences: ['shop'], jwks: `{"keys":[{"k":"${MARK}"}]}` },
    {
      issuer: 'https://c/',
      any_audience: true,
      jwks_uri: 'https://c/',
      key_fetch: { proxy_url: `http://u:${MARK}@p` },
    },
  ],
  identity_headers: [{ header: 'X-User-ID', claim: 'sub', required: true }],
  reserved_headers: ['X-User-*'],
  authorize: [{ methods: ['GET'], roles: ['admin'] }],
};
const few = { issuers: identity.issuers.slice(0, 1), reserved_headers: ['X-User-*'] };
/** Everything that a file may hold, each thing in the places in which it may stand. */
const FILE: Map = {
  _format_version: '3.0',
  _ignore: ['a'],
  plugins: [
    { name: 'jwt-identity', config: identity },
    { name: 'jwt-identity', route: 'reads', config: { ...few, hide_credentials: false } },
    { name: 'rate-limiting', service: 'shop', consumer: 'ada', config: { minute: 5, policy: 'local' } },
    { name: 'cors', enabled: false },
  ],
  services: [
    {
      name: 'shop',
      url: 'http://127.0.0.1:9000/base',
      plugins: [{ name: 'jwt-identity', config: few }],
      routes: [
        { name: 'reads', paths: ['/reads', '~/r/(?<id>\\d+)$'], methods: ['GET'], headers: { 'x-a': ['b'] } },
        {
          name: 'admin',
          hosts: ['*.example.com'],
          plugins: [
            { name: 'jwt-identity', config: { ...few, leeway: 3, allow_missing: true } },
            { name: 'acl', instance_name: 'i', config: { allow: ['admin'] } },
            { name: 'ip-restriction', config: { allow: ['10.0.0.0/8', '::1'] } },
          ],
        },
      ],
    },
  ],
  routes: [{ name: 'own', paths: ['/own'], service: 'shop', plugins: [{ name: 'key-auth' }] }],
  consumers: [{ username: 'ada', keyauth_credentials: [{ key: SECRET }], acls: [{ group: 'admin' }] }],
  keyauth_credentials: [{ consumer: 'ada', key: `${MARK}-2` }],
};

/** One change of a tree: what stands at a place becomes something else. */
interface Mutation {
  readonly where: number;
  readonly kind: 'replace' | 'remove' | 'rename' | 'double' | 'add' | 'copy';
  readonly value: Tree;
  readonly name: string;
  readonly from: number;
}
const name = fc.constantFrom(
  ...['name', 'id', 'config', 'plugins', 'routes', 'services', 'consumers', 'enabled', 'route', 'service', 'consumer'],
  ...['username', 'secret', 'issuers', '__proto__', 'constructor', 'toString', 'length', '', 'a.b', '_ignore', 'url'],
);
const leaf = fc.constantFrom<Tree>(
  ...[null, true, false, 0, -1, 1.5, 1e21, '', ' ', 'reads', 'shop', 'ada', 'jwt-identity', 'http-log', '__proto__'],
  ...['{vault://env/a}', '{vault://aws/a}', '3.0', '/', '~/(', '~/(a+)+$', 'a\n\0b', '\ud800', 'http://x', '[::1]'],
);
const tree = fc.oneof(
  { weight: 4, arbitrary: leaf },
  fc.array(leaf, { maxLength: 3 }),
  fc.dictionary(name, leaf, { maxKeys: 3, noNullPrototype: true }),
);
const mutation: fc.Arbitrary<Mutation> = fc.record({
  where: fc.nat(9_999),
  kind: fc.constantFrom('replace', 'replace', 'remove', 'rename', 'double', 'add', 'copy'),
  value: tree,
  name,
  from: fc.nat(9_999),
});
const mutations = fc.array(mutation, { minLength: 1, maxLength: 3 });

/** Every place below the top: its holder and the key in it. */
function places(holder: Tree): [holder: Tree[] | Map, key: string][] {
  if (typeof holder !== 'object' || holder === null) return [];
  return Object.keys(holder).flatMap((key) => [[holder, key], ...places((holder as Map)[key]!)]);
}

function put(holder: Tree[] | Map, key: string, value: Tree): void {
  // An assignment to __proto__ would not make a member of it.
  Object.defineProperty(holder, key, { value, writable: true, enumerable: true, configurable: true });
}

function mutated(given: Map, { where, kind, value, name: other, from }: Mutation): Map {
  const copy = structuredClone(given);
  const all = places(copy);
  const [holder, key] = all[where % all.length] ?? [copy, '_format_version'];
  const old = (holder as Map)[key]!;
  const isList = Array.isArray(holder);
  if (kind === 'replace') put(holder, key, value);
  else if (kind === 'copy') {
    const [source, member] = all[from % all.length]!;
    // What stands where a name does is no secret any more: messages say names.
    put(holder, key, JSON.parse(JSON.stringify((source as Map)[member]).replaceAll(MARK, 'copied')) as Tree);
  } else if (kind === 'double' && isList) holder.push(structuredClone(old));
  else if (kind === 'add' && isList) holder.push(value);
  else if (kind === 'add') put(holder, other, value);
  else if (isList) holder.splice(Number(key), 1);
  else {
    Reflect.deleteProperty(holder, key);
    if (kind !== 'remove') put(holder, other, old);
  }
  return copy;
}

/** The file of a tree in YAML's flow style; `before` may put a tag, an anchor or an alias in the place of a value. */
function flow(value: Tree, before: (value: Tree, written: string) => string = (_value, written) => written): string {
  if (Array.isArray(value)) return before(value, `[${value.map((item) => flow(item, before)).join(', ')}]`);
  if (typeof value !== 'object' || value === null) return before(value, JSON.stringify(value));
  const members = Object.entries(value).map(([key, member]) => `${JSON.stringify(key)}: ${flow(member, before)}`);
  return before(value, `{${members.join(', ')}}`);
}

/** A plugin that stands in a file, and what it must be bound to. */
interface Standing {
  readonly given: Map;
  readonly scope: 'route' | 'service' | 'consumer' | null;
}
const isMap = (value: Tree | undefined): value is Map =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const maps = (holder: Map, member: string): Map[] =>
  Array.isArray(holder[member]) ? holder[member].filter(isMap) : [];

function standingPlugins(file: Map): Standing[] {
  const under = (holder: Map, scope: Standing['scope']): Standing[] =>
    maps(holder, 'plugins').map((given) => ({ given, scope }));
  const services = maps(file, 'services');
  const routes = [...services.flatMap((service) => maps(service, 'routes')), ...maps(file, 'routes')];
  return [
    ...under(file, null),
    ...services.flatMap((service) => under(service, 'service')),
    ...routes.flatMap((route) => under(route, 'route')),
    ...maps(file, 'consumers').flatMap((consumer) => under(consumer, 'consumer')),
  ].filter(({ given }) => given['enabled'] !== false);
}

/** Whether a configuration says at least what the file says. */
function saysAll(actual: unknown, given: Tree): boolean {
  // Kong calls what is null not set, and an empty list or map is the same to it.
  if (given === null || (typeof given === 'object' && Object.keys(given).length === 0)) return true;
  if (typeof given === 'string' && given.startsWith('{vault://env/')) return true;
  if (Array.isArray(given)) {
    return Array.isArray(actual) && given.every((item) => actual.some((one) => saysAll(one, item)));
  }
  if (typeof given !== 'object') return actual === given;
  return Object.entries(given).every(([key, member]) => saysAll((actual as Map | undefined)?.[key], member));
}

describe('whatever stands in a kong.yml', () => {
  it('is the whole of it when nothing is wrong with it', () => {
    expect(outcome(flow(FILE))).toHaveProperty('plugins.length', 8);
  });

  it('is loaded with every one of its plugins, bound and configured as it stands there, or refused', () => {
    const seen = { loaded: 0, refused: 0 };
    fc.assert(
      fc.property(mutations, (changes) => {
        const file = changes.reduce(mutated, FILE);
        const end = outcome(flow(file));
        if (end instanceof ConfigurationError) {
          seen.refused += 1;
          return;
        }
        seen.loaded += 1;
        const standing = standingPlugins(file);
        expect(end.plugins).toHaveLength(standing.length);
        const left = [...end.plugins];
        for (const { given, scope } of standing) {
          const bound = (kind: NonNullable<Standing['scope']>): boolean =>
            scope === kind || (given[kind] ?? null) !== null;
          const isOfIt = (entry: PluginEntry): boolean =>
            entry.name === given['name'] &&
            (entry.routeId !== null) === bound('route') &&
            (entry.serviceId !== null) === bound('service') &&
            (entry.consumerId !== null) === bound('consumer') &&
            saysAll(entry.config, given['config'] ?? null);
          const found = left.findIndex(isOfIt);
          expect({ given, found }).not.toHaveProperty('found', -1);
          left.splice(found, 1);
        }
      }),
      { numRuns: 500 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(30);
  });

  it('means the same with anchors and aliases, and with tags, which Kong looks over', () => {
    const tags = ['!!set', '!!omap', '!!pairs', '!!binary', '!!timestamp', '!!map', '!!seq', '!x', '!<tag:a,1:b>', ''];
    let loaded = 0;
    fc.assert(
      fc.property(
        fc.array(mutation, { maxLength: 1 }),
        fc.constantFrom(...tags),
        fc.nat(9_999),
        fc.boolean(),
        (changes, tag, where, isShared) => {
          const file = changes.reduce(mutated, FILE);
          const anchors = new Map<string, string>();
          let count = 0;
          const text = flow(file, (value, written) => {
            if (typeof value === 'number' || typeof value === 'boolean' || value === null) return written;
            const known = anchors.get(written);
            if (known !== undefined) return `*${known} `;
            count += 1;
            if (isShared) anchors.set(written, `a${count}`);
            const anchor = isShared ? `&a${count} ` : '';
            return `${count % 40 === where % 40 ? `${tag} ` : ''}${anchor}${written}`;
          });
          const end = outcome(text);
          if (end instanceof ConfigurationError) return;
          loaded += 1;
          expect(withoutMadeUpKeys(end, file)).toEqual(withoutMadeUpKeys(load(flow(file)), file));
        },
      ),
      { numRuns: 250 },
    );
    expect(loaded).toBeGreaterThan(20);
  });

  it('means the same when a part of a configuration is merged in', () => {
    fc.assert(
      fc.property(fc.nat(9), fc.nat(9), fc.boolean(), (which, cut, isList) => {
        const standing = standingPlugins(FILE).filter(({ given }) => given['config'] !== undefined);
        const { config } = standing[which % standing.length]!.given;
        const members = Object.entries(config as Map);
        const shared = Object.fromEntries(members.slice(0, cut % (members.length + 1)));
        const rest = members.slice(cut % (members.length + 1)).map(([key, member]) => `${key}: ${flow(member)}`);
        const merge = isList ? '<<: [*s, *s]' : '<<: *s';
        const text = flow({ ...FILE, _ignore: [] }, (value, written) =>
          value === config ? `{${[merge, ...rest].join(', ')}}` : written,
        ).replace('"_ignore": []', `"_ignore": [&s ${flow(shared)}]`);
        expect(load(text)).toEqual(load(flow(FILE)));
      }),
      { numRuns: 40 },
    );
  });

  it('is refused in words that quote no secret when it is damaged anywhere', () => {
    const written = [
      `      secret: ${SECRET}\n`,
      `      secret: "${SECRET}\\n"\n`,
      `      secret: '${SECRET}'\n`,
      `      secret: |\n        ${SECRET}\n`,
      `      secret: >-\n        ${SECRET}\n`,
    ];
    const fileWith = (secret: string): string => `_format_version: '3.0'
_ignore:
- &shared
    issuers:
    - issuer: https://a/
      audiences: [shop]
${secret}plugins:
- { name: jwt-identity, config: { <<: *shared, leeway: 3 } }
consumers:
- { username: ada, keyauth_credentials: [{ key: '${SECRET}' }] }
`;
    const piece = fc.constantFrom(
      ...Array.from(' \n\t:-?,[]{}#&*!|>\'"%@`\\~\0ü<=.a1'),
      '&a ',
      '*a ',
      '!!',
      '"\\',
      '\n\n',
    );
    const edit = fc.tuple(fc.nat(9_999), fc.nat(3), piece);
    const namesTheSecret = (text: string): boolean => {
      // A name is said in messages: it is no secret any more once it stands where a name does.
      let value: Tree;
      try {
        value = readYaml(text) as Tree;
      } catch {
        return false;
      }
      const isSecret = (holder: Tree[] | Map, key: string): boolean =>
        ['secret', 'key'].includes(key) && !Array.isArray(holder);
      return places(value).some(
        ([holder, key]) => JSON.stringify((holder as Map)[key]).startsWith(`"${MARK}`) && !isSecret(holder, key),
      );
    };
    const seen = { loaded: 0, refused: 0 };
    fc.assert(
      fc.property(fc.constantFrom(...written), fc.array(edit, { minLength: 1, maxLength: 3 }), (secret, edits) => {
        const text = edits.reduce((all, [at, removed, added]) => {
          const start = Math.floor((at / 10_000) * all.length);
          return all.slice(0, start) + added + all.slice(start + removed);
        }, fileWith(secret));
        fc.pre(!namesTheSecret(text));
        seen[outcome(text) instanceof ConfigurationError ? 'refused' : 'loaded'] += 1;
      }),
      { numRuns: 800 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
  });

  it('ends in a refusal when it is no file at all', () => {
    const soup = fc
      .array(
        fc.constantFrom(
          ...[
            '- ',
            ': ',
            '{',
            '}',
            '[',
            ']',
            ', ',
            '? ',
            '&a ',
            '*a',
            '<<: ',
            '!!set ',
            '!!binary ',
            '!<a>',
            '|',
            '>-',
          ],
          ...[
            '"',
            "'",
            '#',
            '%YAML 1.2\n',
            '%TAG ! !\n',
            '---\n',
            '...\n',
            '\n',
            '  ',
            '\t',
            '\r',
            '\0',
            '\ufeff',
            '\\x',
          ],
          ...['services', 'plugins', '_format_version', "'3.0'", 'a', '1', 'yes', '.nan', '0o7', '__proto__', '~', 'ü'],
        ),
        { maxLength: 40 },
      )
      .map((parts) => parts.join(''));
    const text = fc.oneof(soup, fc.string({ unit: 'binary', maxLength: 60 }), fc.json({ maxDepth: 3 }));
    fc.assert(
      fc.property(text, (anything) => {
        expect(outcome(anything)).toBeInstanceOf(ConfigurationError);
      }),
      { numRuns: 800 },
    );
  });

  const levels = (count: number, line: (n: number) => string): string =>
    Array.from({ length: count }, (_, i) => line(i + 1)).join('\n');
  it.each([
    ['lists in lists', '['.repeat(20_000)],
    ['closed lists in lists', '['.repeat(5_000) + ']'.repeat(5_000)],
    ['maps in maps', '{a: '.repeat(5_000)],
    ['block lists in block lists', '- '.repeat(20_000)],
    ['keys of keys', '? '.repeat(20_000)],
    ['aliases of aliases', `a0: &a0 [x]\n${levels(40, (n) => `a${n}: &a${n} [${`*a${n - 1}, `.repeat(9)}]`)}`],
    ['merges of merges', `a0: &a0 {x: 1}\n${levels(60, (n) => `a${n}: &a${n} {<<: [*a${n - 1}, *a${n - 1}]}`)}`],
    ['merge keys that lead to themselves', 'a: &a {<<: *a}'],
    ['anchors in themselves', "_format_version: '3.0'\nplugins: &p [{ name: cors, config: *p }]"],
    ['a merge of a text', `a: ${MARK}\n<<: ${MARK}`],
    ['an alias that is a secret', `secret: *${MARK}`],
    ['an escape in a secret', `secret: "\\u${MARK}"`],
    ['a block that is none', `secret: |${MARK}\n a`],
    ['a tag that is a secret', `secret: !<${MARK}`],
    ['two documents', '--- a\n--- b'],
  ])('is refused in bounded time when it is %s', (_what, text) => {
    expect(boundedRun(() => outcome(text))).toBeInstanceOf(ConfigurationError);
  });
});

/** A declaration without the keys that are made up for credentials that have none: they differ each time. */
function withoutMadeUpKeys(declaration: unknown, file: unknown): unknown {
  const written = JSON.stringify(file);
  const isMadeUp = (name: string, value: unknown): boolean =>
    name === 'key' && typeof value === 'string' && !written.includes(JSON.stringify(value));
  return JSON.parse(JSON.stringify(declaration, (name, value: unknown) => (isMadeUp(name, value) ? 'made up' : value)));
}
