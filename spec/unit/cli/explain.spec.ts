import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { CommanderError } from 'commander';
import { CommandFailure } from '../../../src/cli/command-failure';
import { explainCommand } from '../../../src/cli/explain';
import { publicJwk, signingKey, signToken, type SigningKey } from '../../support/tokens';

const NOW = 1_800_000_000;
let folder: string;
let key: SigningKey;
let file: string;
const tokens: string[] = [];

/** A kong.yml as people have it: with plugins and entities of which only Kong knows what they are. */
const kongYml = (jwks: string): string => `
_format_version: '3.0'
_ignore:
- &trust
  issuers:
  - { issuer: 'https://auth.example.com/', audiences: [orders], jwks: '${jwks}' }
upstreams: [{ name: pool }]
consumers:
- { username: ada, custom_id: a1, keyauth_credentials: [{ key: k }] }
plugins:
- { name: prometheus }
- name: jwt-identity
  config: { <<: *trust, realm: global }
services:
- name: orders
  url: http://orders.internal:8080
  client_certificate: c
  routes:
  - name: reads
    paths: [/orders]
    methods: [GET]
    protocols: [grpc, https]
    plugins:
    - name: jwt-identity
      config: { <<: *trust, authorize: [{ roles: [admin] }], authorize_shadow: [{ scopes: [orders:read] }] }
  - name: handed
    paths: [/handed]
    plugins:
    - name: jwt-identity
      config:
        <<: *trust
        authenticated_groups_claim: roles
        credential_claim: sub
        consumer_claim: sub
        log_decisions: all
  - name: cookie
    paths: [/cookie]
    plugins:
    - { name: jwt-identity, config: { <<: *trust, header_names: [], cookie_names: [session] } }
  - name: query
    paths: [/query]
    plugins:
    - { name: jwt-identity, config: { <<: *trust, header_names: [], uri_param_names: [access_token] } }
  - name: own-header
    paths: [/own-header]
    plugins:
    - { name: jwt-identity, config: { <<: *trust, header_names: [x-token] } }
  - name: open
    paths: [/open]
    plugins:
    - { name: jwt-identity, config: { <<: *trust, allow_missing: true } }
  - name: signed
    paths: [/signed]
    plugins:
    - name: jwt-identity
      config: { <<: *trust, identity_token: { issuer: 'https://gateway/', audience: orders, bind_request: true } }
  - name: resource
    paths: [/resource, /.well-known/oauth-protected-resource/resource]
    plugins:
    - { name: jwt-identity, config: { <<: *trust, resource_metadata: { resource: 'https://api.test/resource' } } }
  - { name: global, paths: [/global], hosts: [api.example.com] }
  - { name: upload, paths: [/upload], plugins: [{ name: jwt-identity, config: { issuers: [] } }] }
`;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'explain-'));
  key = signingKey('ES256', 'k1');
  file = join(folder, 'kong.yml');
  writeFileSync(file, kongYml(JSON.stringify({ keys: [publicJwk(key)] })));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const stdout = jest.spyOn(process.stdout, 'write').mockReturnValue(true);
jest.spyOn(process.stderr, 'write').mockReturnValue(true);
afterEach(() => {
  stdout.mockClear();
  process.exitCode = undefined;
});
afterAll(() => {
  jest.restoreAllMocks();
});

async function tokenFile(claims: object = {}): Promise<string> {
  const all = { iss: 'https://auth.example.com/', sub: 'ada', aud: 'orders', exp: NOW + 60, roles: ['admin'] };
  const token = await signToken(key, { ...all, ...claims });
  tokens.push(token);
  const path = join(folder, `token-${tokens.length}`);
  writeFileSync(path, `Bearer ${token}\n`);
  return path;
}

async function run(...args: readonly string[]): Promise<{ text: string; exitCode: unknown }> {
  const command = explainCommand().exitOverride();
  await command.parseAsync([file, '--at', String(NOW), ...args], { from: 'user' });
  const text = stdout.mock.calls.map(([chunk]) => String(chunk)).join('');
  for (const token of tokens) {
    expect(text).not.toContain(token);
    expect(text).not.toContain(token.split('.')[2]);
  }
  return { text, exitCode: process.exitCode };
}
const json = async (...args: readonly string[]): Promise<unknown> => JSON.parse((await run('--json', ...args)).text);

describe('explain', () => {
  it('says that the plugin itself answers a request for the metadata of the resource', async () => {
    const { text, exitCode } = await run('--path', '/.well-known/oauth-protected-resource/resource');
    expect(exitCode).toBeUndefined();
    expect(text).toMatch(/request {4}is one for the metadata of the resource, which needs no token\n/);
    expect(text).toMatch(/decision {3}answer with 200, by the plugin itself\n$/);
    expect((await run('--path', '/resource')).exitCode).toBe(3);
  });

  it('lists the keys of the issuer when a token finds none', async () => {
    const path = join(folder, 'stranger');
    const stranger = signingKey('ES256', 'stranger');
    writeFileSync(path, await signToken(stranger, { iss: 'https://auth.example.com/', aud: 'orders', exp: NOW + 60 }));
    const { text } = await run('--path', '/open', '--token', path);
    expect(text).toContain('key        the set has kid "k1", for ES256\n');
  });

  it('says that a token is a logout token, not an access token', async () => {
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    const { text, exitCode } = await run('--path', '/orders/7', '--token', await tokenFile({ events }));
    expect(exitCode).toBe(3);
    expect(text).toContain(
      'claim      events names "http://schemas.openid.net/event/backchannel-logout": a security event (RFC 8417), not an access token\n',
    );
    expect(text).toMatch(/^decision {3}refuse with 401 token_type_not_accepted/m);
  });

  it('says step by step why a request passes and what becomes of it, without the token', async () => {
    const token = await tokenFile();
    const { text, exitCode } = await run('--path', '/orders/7', '--token', token, '-H', 'X_User_ID: evil\u001b[2J');
    expect(exitCode).toBeUndefined();
    expect(text).toBe(
      [
        'route      reads, of the service orders',
        'plugin     attached to the route',
        'after      prometheus (priority 13), attached to every route (global)',
        `source     header authorization: the token is taken from here (${tokens.at(-1)!.length} bytes)`,
        'request    headers that the client may not send: ["x_user_id"]',
        `token      found in the header authorization, ${tokens.at(-1)!.length} bytes`,
        'issuer     iss is "https://auth.example.com/"',
        'header     alg, kid and typ are "ES256", "k1", not there',
        'key        of the issuer, kid "k1", for ES256',
        'signature  made with this key',
        'claim      aud is "orders"; accepted: ["orders"]',
        'claim      required: exp, there',
        'claim      required: sub, there',
        'claim      exp is 2027-01-15T08:01:00.000Z, 60 s ahead; leeway 10 s',
        'rule       authorize[1] decides GET',
        'rule       authorize[1]: one of the roles ["admin"]; the token has ["admin"]',
        'identity   X-User-ID from claim sub, which is "ada"',
        'identity   X-User-Roles from claim roles, which is ["admin"]',
        'shadow     authorize_shadow[1] decides GET',
        'shadow     authorize_shadow[1]: all scopes of ["orders:read"]; the token has []',
        'decision   proceed',
        'shadow     would be refused: insufficient_scope (authorize_shadow[1]: a scope is missing)',
        'set        X-User-ID: ada',
        'set        X-User-Roles: admin',
        'remove     x_user_id',
        'remove     authorization',
        'kong       jwt_identity = {"outcome":"proceed","code":"proceed","issuer":"https://auth.example.com/","kid":"k1","shadow":{"code":"insufficient_scope","reason":"authorize_shadow[1]: a scope is missing"}}',
        '',
      ].join('\n'),
    );
  });

  it('says why a request is refused, and ends with 3', async () => {
    const token = await tokenFile({ roles: ['user'] });
    const { text, exitCode } = await run('--route', 'reads', '--token', token);
    expect(text).toContain(
      'rule       authorize[1]: one of the roles ["admin"]; the token has ["user"]\n' +
        'decision   refuse with 403 forbidden: authorize[1]: none of the roles\n',
    );
    expect(exitCode).toBe(3);
  });

  it('prints JSON for scripts', async () => {
    expect(await json('--path', '/orders', '--token', await tokenFile({ exp: NOW - 11 }))).toMatchObject({
      route: 'reads',
      service: 'orders',
      plugin: 'the route',
      decision: { outcome: 'refuse', code: 'token_expired', status: 401, reason: 'exp is past' },
    });
  });

  it('shows what the rest of Kong is told, with the consumers of the file', async () => {
    const told = { authenticated_groups: ['admin'], authenticated_credential: { id: 'ada' } };
    expect(await json('--route', 'handed', '--token', await tokenFile())).toMatchObject({
      changes: { set: { 'X-Consumer-Username': 'ada', 'X-Consumer-Custom-ID': 'a1' } },
      kong: { ...told, authenticated_consumer: { username: 'ada' }, jwt_identity: { code: 'proceed' } },
    });
  });

  it('shows that an identity token is signed, and not the token', async () => {
    const { text } = await run('--route', 'signed', '--token', await tokenFile());
    expect(text).toMatch(/^set +X-[\w-]+: \(signed by the gateway\)$/m);
    expect(text).not.toContain('eyJ');
  });

  it('says that the consumer is not there', async () => {
    expect(await json('--route', 'handed', '--token', await tokenFile({ sub: 'bob' }))).toMatchObject({
      decision: { code: 'consumer_unknown' },
    });
  });

  it.each([
    ['cookie', 'the cookie session', { set: { cookie: 'a=1' } }],
    ['query', 'the query parameter access_token', { query: 'x=1' }],
    ['own-header', 'the header x-token', { remove: ['x-token'] }],
  ])('puts the token where the route %s looks for it', async (route, place, changes) => {
    const token = await tokenFile();
    expect(await json('--path', `/${route}?x=1`, '-H', 'Cookie: a=1', '--token', token)).toMatchObject({
      findings: expect.arrayContaining([
        { stage: 'token', finding: `found in ${place}, ${tokens.at(-1)!.length} bytes` },
      ]),
      changes,
    });
  });

  it.each([['cookie'], ['query']])('also when nothing else is there: %s', async (route) => {
    expect(await json('--route', route, '--token', await tokenFile())).toMatchObject({
      decision: { outcome: 'proceed' },
    });
  });

  it('takes the route and the configuration that Kong would take', async () => {
    const token = await tokenFile();
    expect(await json('--path', '/global', '-H', 'Host: api.example.com', '--token', token)).toMatchObject({
      route: 'global',
      plugin: 'every route (global)',
    });
    await expect(run('--path', '/global')).rejects.toThrow(/no route matches GET \/global: Kong answers 404/);
    await expect(run('--path', '/orders', '--method', 'POST')).rejects.toThrow(CommandFailure);
  });

  it('explains a request without a token', async () => {
    expect(await json('--path', '/open')).toMatchObject({
      decision: { outcome: 'proceed', code: 'anonymous' },
      changes: { set: { 'X-Anonymous-Consumer': 'true' } },
    });
    stdout.mockClear();
    expect((await run('--path', '/open')).text).toContain('decision   proceed without a caller');
  });

  it('refuses several headers of one name as the plugin does', async () => {
    const twice = ['-H', 'Authorization: Bearer a', '-H', 'authorization: Bearer b'];
    expect(await json('--path', '/open', ...twice)).toMatchObject({ decision: { code: 'credentials_malformed' } });
  });

  it.each([
    ['a route that is not there', ['--route', 'nowhere'], /there is no route with the name nowhere/],
    ['a configuration that Kong refuses', ['--route', 'upload'], /config\.issuers: length must be at least 1/],
    ['a token that cannot be read', ['--route', 'reads', '--token', '/nowhere'], /nowhere: cannot be read \(ENOENT\)/],
  ])('fails for %s', async (_, args, message) => {
    const failure = await run(...args).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CommandFailure);
    expect((failure as Error).message).toMatch(message);
  });

  it.each([
    ['neither a route nor a path', []],
    ['a header that is none', ['--path', '/', '-H', 'x']],
    ['a time that is none', ['--path', '/', '--at', 'soon']],
  ])('says how it is called for %s', async (_, args) => {
    await expect(run(...args)).rejects.toBeInstanceOf(CommanderError);
  });
});

describe('the surroundings of a decision', () => {
  let surrounded: string;
  beforeAll(() => {
    surrounded = join(folder, 'surrounded.yml');
    const places = 'header_names: [authorization, x-token], cookie_names: [session], uri_param_names: [access_token]';
    writeFileSync(
      surrounded,
      kongYml(JSON.stringify({ keys: [publicJwk(key)] }))
        .replace(
          /services:\n- name: orders\n/,
          `services:
- name: orders
  plugins:
  - { name: acl, config: { allow: [a] } }
  - { name: acme-audit, config: {} }
  - { name: rate-limiting, config: { minute: 5 }, enabled: false }
  - { name: key-auth, config: {}, consumer: ada }
`,
        )
        .replace(
          / {2}routes:\n/,
          `  routes:
  - name: places
    paths: [/places]
    plugins:
    - { name: cors, config: {} }
    - { name: acl, config: { allow: [b] } }
    - { name: jwt-identity, config: { <<: *trust, ${places} } }
`,
        ),
    );
  });
  const explained = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
    const command = explainCommand().exitOverride();
    await command.parseAsync([surrounded, '--at', String(NOW), '--json', ...args], { from: 'user' });
    return JSON.parse(stdout.mock.calls.map(([chunk]) => String(chunk)).join('')) as Record<string, unknown>;
  };

  it('holds the other plugins on the route in the order in which Kong asks them', async () => {
    expect(await explained('--path', '/places')).toMatchObject({
      plugins: [
        { name: 'cors', place: 'the route', priority: 2000, runs: 'before' },
        { name: 'acl', place: 'the route', priority: 950, runs: 'after' },
        { name: 'prometheus', place: 'every route (global)', priority: 13, runs: 'after' },
        { name: 'acme-audit', place: 'the service', priority: null, runs: 'unknown' },
      ],
    });
  });

  it('holds every place of a token: what is there, what is used, and what is not looked at', async () => {
    const path = await tokenFile();
    const [token = ''] = tokens.slice(-1);
    const detail = `${token.length} bytes`;
    const cookie = `Cookie: session=${token}; other=1`;
    const at = ['--path', `/places?access_token=${'x'.repeat(3)}&token=1`, '--token', path];
    expect(
      await explained(...at, '-H', cookie, '-H', 'X-Token: a b', '-H', 'Sec-WebSocket-Protocol: bearer, abc'),
    ).toMatchObject({
      sources: [
        { place: 'header authorization', state: 'used', detail },
        { place: 'header x-token', state: 'unreadable', detail: 'header x-token: not a token' },
        { place: 'cookie session', state: 'repeated', detail },
        { place: 'query access_token', state: 'conflict', detail: '3 bytes' },
        { place: 'header sec-websocket-protocol', state: 'ignored', detail: 'header_names does not name it' },
        { place: 'query token', state: 'ignored', detail: 'uri_param_names does not name it' },
      ],
    });
  });

  it('holds places in which nothing is, and cookies that no field names', async () => {
    expect(await explained('--path', '/places')).toMatchObject({
      sources: ['header authorization', 'header x-token', 'cookie session', 'query access_token'].map((place) => ({
        place,
        state: 'absent',
      })),
    });
    stdout.mockClear();
    expect(await explained('--path', '/handed', '-H', 'Cookie: a=1')).toMatchObject({
      sources: [
        { place: 'header authorization', state: 'absent' },
        { place: 'cookies', state: 'ignored', detail: 'cookie_names does not name it' },
      ],
    });
  });
});

describe('a policies.yml', () => {
  let policies: string;
  beforeAll(() => {
    policies = join(folder, 'policies.yml');
    const jwks = JSON.stringify({ keys: [publicJwk(key)] });
    writeFileSync(
      policies,
      `_trust: &trust { issuers: [{ issuer: 'https://auth.example.com/', audiences: [orders], jwks: '${jwks}' }] }
policies:
  orders: { <<: *trust, log_decisions: all }
  admin: { <<: *trust, authorize: [{ roles: [root] }] }
`,
    );
  });
  const explained = async (...args: readonly string[]): Promise<string> => {
    const command = explainCommand()
      .exitOverride()
      .configureOutput({ writeErr: () => undefined });
    await command.parseAsync([policies, '--at', String(NOW), ...args], { from: 'user' });
    return stdout.mock.calls.map(([chunk]) => String(chunk)).join('');
  };

  it('is explained by the name of a policy, as authz decides', async () => {
    const text = await explained('--policy', 'orders', '--token', await tokenFile());
    expect(text).toMatch(/^policy {5}orders\nsource {5}header authorization: the token is taken from here/);
    expect(text).toMatch(/^decision {3}proceed$/m);
    expect(text).toMatch(/^set {8}X-User-ID: ada$/m);
    expect(text).not.toMatch(/^(route|plugin|kong) /m);
  });

  it('says why a policy refuses, and ends with 3', async () => {
    const json = await explained('--policy', 'admin', '--json', '--token', await tokenFile());
    expect(JSON.parse(json)).toMatchObject({ policy: 'admin', route: null, decision: { code: 'forbidden' } });
    expect(process.exitCode).toBe(3);
  });

  it.each([
    ['no name among several', ['--path', '/'], /--policy is needed; there are orders, admin$/],
    ['a name that is not there', ['--policy', 'toString'], /there is no policy toString; there are orders, admin$/],
    ['a route', ['--route', 'orders'], /a policies.yml has no routes: use --policy$/],
  ])('is not explained with %s', async (_, args, message) => {
    await expect(explained(...args)).rejects.toThrow(message);
  });

  it('with one policy needs no name, and is a failure when it has an error', async () => {
    writeFileSync(policies, `policies: { one: { issuers: [{ issuer: i, audiences: [a], discovery: true }] } }`);
    await expect(explained('--path', '/')).rejects.toThrow(/policies.yml: config.issuers\[1\].issuer: /);
    writeFileSync(
      policies,
      `policies: { one: { issuers: [{ issuer: 'https://i.test', audiences: [a], discovery: true }] } }`,
    );
    expect(await explained('--path', '/')).toMatch(/^policy {5}one\n/);
  });
});

describe('a file that is none', () => {
  it.each([
    ['not YAML', '{', /not readable as YAML/],
    ['no map', '[]', /must be a map of entities/],
    [
      'a route that Kong refuses',
      'routes: [{ name: r, paths: ["~/("] }]\nplugins: []',
      /paths\[1\]: invalid regular expression/,
    ],
  ])('is a failure: %s', async (_, text, message) => {
    const path = join(folder, 'broken.yml');
    writeFileSync(path, text);
    const failure = explainCommand().parseAsync([path, '--path', '/'], { from: 'user' });
    await expect(failure).rejects.toThrow(message);
    await expect(failure).rejects.toBeInstanceOf(CommandFailure);
  });
});
