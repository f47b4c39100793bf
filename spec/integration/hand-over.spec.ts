import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EchoService, type Received, startEchoService } from '../support/echo-service';
import { type Kong, startKong } from '../support/kong';
import { describeKong } from '../support/kong-target';
import { rawGet, sendRaw } from '../support/raw-http';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const key = signingKey('ES256', 'k1');
const exp = Math.floor(Date.now() / 1000) + 3_600;
const trust = {
  issuers: [{ issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
};
const ADA = { id: 'b32379d9-3d28-5683-a79c-72139be6e34f', username: 'ada', custom_id: 'a1' };
const GUEST = { id: 'cd4f782c-ac87-5081-b322-b54834d15651', username: 'guest' };

const plugin = (config: object): object => ({ name: 'jwt-identity', config: { ...trust, ...config } });
const acl = (...allow: string[]): object => ({ name: 'acl', config: { allow } });
const limit = (config: object): object => ({ name: 'rate-limiting', config: { hour: 2, policy: 'local', ...config } });
const keyAuth = (config: object = {}): object => ({ name: 'key-auth', config: { key_names: ['apikey'], ...config } });
const route = (name: string, ...plugins: object[]): object => ({ name, paths: [`/${name}`], plugins });
const either = keyAuth({ anonymous: 'guest' });
/** Before `reserved_headers` only added, such a list left everything else to the client. */
const short = { reserved_headers: ['X-Tenant'] };
const anywhere = { header_names: ['x-token'], cookie_names: ['session'], uri_param_names: ['access_token'] };

describeKong('the rest of Kong', () => {
  let folder: string;
  let service: EchoService;
  let kong: Kong;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'hand-over-'));
    // Kong's workers may be another user.
    chmodSync(folder, 0o777);
    service = await startEchoService();
    const routes = [
      route('groups', plugin({ authenticated_groups_claim: 'roles' }), acl('admin')),
      route('by-header', plugin({}), limit({ limit_by: 'header', header_name: 'X-User-ID' })),
      route('by-credential', plugin({ credential_claim: 'sub' }), limit({ limit_by: 'credential' })),
      route('consumer', plugin({ consumer_claim: 'sub' }), acl('gold')),
      route('consumer-id', plugin({ consumer_claim: 'sub', consumer_by: 'id' })),
      route('consumer-optional', plugin({ consumer_claim: 'sub', consumer_optional: true })),
      route('both', keyAuth(), plugin({})),
      route('either', either, plugin({ allow_authenticated: true })),
      route(
        'either-groups',
        either,
        plugin({ allow_authenticated: true, authenticated_groups_claim: 'roles' }),
        acl('admin', 'gold'),
      ),
      route('either-or-none', either, plugin({ allow_missing: true })),
      route('open', plugin({ allow_missing: true })),
      route('short-groups', plugin({ ...short, authenticated_groups_claim: 'roles' }), acl('admin')),
      route('short-either', either, plugin({ ...short, allow_authenticated: true })),
      route('short-open', either, plugin({ ...short, allow_missing: true })),
      route('short-preflight', plugin({ ...short, run_on_preflight: false })),
      route('short-consumer', plugin({ ...short, consumer_claim: 'sub' }), acl('gold')),
      route('tokens-anywhere', plugin({ ...anywhere, authorize: [{ roles: ['admin'] }] })),
      route('tokens-anywhere-open', plugin({ ...anywhere, allow_missing: true })),
      route('logged', plugin({ authorize: [{ methods: ['GET'], roles: ['admin'] }], log_user_claim: 'sub' })),
      route('logged-all', plugin({ log_decisions: 'all' })),
      route('logged-none', plugin({ log_decisions: 'none' })),
      route('shadow', plugin({ authorize_shadow: [{ roles: ['admin'] }] })),
    ];
    const declarativeConfig = JSON.stringify({
      _format_version: '3.0',
      plugins: [{ name: 'file-log', config: { path: join(folder, 'file.log'), reopen: true } }],
      consumers: [{ ...ADA, acls: [{ group: 'gold' }], keyauth_credentials: [{ key: 'ada-key' }] }, GUEST],
      services: [{ name: 'echo', url: service.url, routes }],
    });
    kong = await startKong({ declarativeConfig });
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  interface Asked {
    readonly claims?: object;
    readonly headers?: Readonly<Record<string, string>>;
    readonly method?: string;
  }
  interface Answer {
    readonly status: number;
    readonly code: unknown;
    /** Headers by which the service learned who is calling. */
    readonly identity: Readonly<Record<string, string>>;
    readonly requestId: string;
  }

  async function ask(path: string, { claims, headers = {}, method = 'GET' }: Asked): Promise<Answer> {
    const all = { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', exp, ...claims };
    const sent = claims === undefined ? {} : { authorization: `Bearer ${await signToken(key, all)}` };
    const response = await fetch(kong.proxyUrl + path, { method, headers: { ...headers, ...sent } });
    const answer = (await response.json()) as Partial<Received> & { code?: unknown };
    const identity = Object.entries(answer.headers ?? {}).filter(([name]) =>
      /^x.(user|consumer|credential|anonymous|authenticated)/.test(name),
    );
    return {
      status: response.status,
      code: answer.code,
      identity: Object.fromEntries(identity.map(([name, lines]) => [name, lines.join(' | ')])),
      requestId: response.headers.get('x-kong-request-id') ?? '',
    };
  }

  const ada = { 'x-consumer-id': ADA.id, 'x-consumer-username': 'ada', 'x-consumer-custom-id': 'a1' };
  const adasKey = { ...ada, 'x-credential-identifier': expect.any(String) };
  const forged = {
    'X-Consumer-ID': 'evil',
    X_Consumer_Username: 'evil',
    'X-Credential-Identifier': 'evil',
    'X-Anonymous-Consumer': 'false',
  };

  describe('acl', () => {
    it.each([
      [['user', 'admin'], 200],
      [['user'], 403],
      [['administrator'], 403],
      [[], 403],
    ])('decides by the roles %j of the token: %d', async (roles, status) => {
      expect((await ask('/groups', { claims: { roles } })).status).toBe(status);
    });

    it('tells the service the groups, and refuses those that it could not tell apart', async () => {
      expect((await ask('/groups', { claims: { roles: ['user', 'admin'] } })).identity).toMatchObject({
        'x-authenticated-groups': 'user, admin',
      });
      expect(await ask('/groups', { claims: { roles: ['x, admin', 'admin'] } })).toMatchObject({
        code: 'claim_invalid',
      });
    });
  });

  it.each(['by-header', 'by-credential'])('rate-limiting counts users: %s', async (name) => {
    const statuses: number[] = [];
    for (const sub of ['ada', 'bob', 'ada', 'ada', 'bob', 'bob']) {
      statuses.push(
        (await ask(`/${name}`, { claims: { sub }, headers: { 'X-Credential-Identifier': `${statuses.length}` } }))
          .status,
      );
    }
    expect(statuses).toEqual([200, 200, 200, 429, 200, 429]);
  });

  describe('a consumer', () => {
    it('is known to plugins and services by a claim', async () => {
      expect(await ask('/consumer', { claims: {}, headers: forged })).toMatchObject({
        status: 200,
        identity: { 'x-user-id': 'ada', ...ada, 'x-consumer-groups': 'gold' },
      });
      const { identity } = await ask('/consumer-id', { claims: { sub: ADA.id } });
      expect(identity).toEqual({ 'x-user-id': ADA.id, ...ada });
    });

    it.each([
      ['/consumer', 'bob'],
      ['/consumer', 'a1'],
      ['/consumer', ADA.id],
      ['/consumer-id', 'ada'],
      ['/consumer-id', '00000000-3d28-5683-a79c-72139be6e34f'],
    ])('that is not there refuses the request: %s with %s', async (path, sub) => {
      expect(await ask(path, { claims: { sub } })).toMatchObject({ status: 403, code: 'consumer_unknown' });
    });

    it('may be optional', async () => {
      const bob = await ask('/consumer-optional', { claims: { sub: 'bob' }, headers: forged });
      expect(bob).toMatchObject({ status: 200, identity: { 'x-user-id': 'bob' } });
      expect(Object.keys(bob.identity)).toEqual(['x-user-id']);
      expect((await ask('/consumer-optional', { claims: {} })).identity).toMatchObject(ada);
    });
  });

  describe('key-auth before this plugin', () => {
    const withKey = { apikey: 'ada-key' };

    it('and this plugin are both needed by default, and both are told to the service', async () => {
      const { identity } = await ask('/both', { claims: { sub: 'bob' }, headers: { ...withKey, ...forged } });
      expect(identity).toEqual({ 'x-user-id': 'bob', ...adasKey });
      expect((await ask('/both', { claims: {} })).status).toBe(401);
      expect((await ask('/both', { headers: withKey })).code).toBe('token_missing');
    });

    it('or this plugin will do with allow_authenticated', async () => {
      expect(await ask('/either', { headers: { ...withKey, 'X-User-ID': 'evil' } })).toMatchObject({
        status: 200,
        identity: adasKey,
      });
      const byToken = await ask('/either', { claims: { sub: 'bob' } });
      expect([byToken.status, byToken.identity]).toEqual([200, { 'x-user-id': 'bob' }]);
      expect((await ask('/either', { headers: forged })).code).toBe('token_missing');
      expect((await ask('/either', { headers: { apikey: 'wrong' } })).code).toBe('token_missing');
    });

    it('does not excuse a token that is not valid', async () => {
      const headers = { ...withKey, authorization: 'Bearer x.y.z' };
      expect(await ask('/either', { headers })).toMatchObject({ status: 401, code: 'token_malformed' });
      expect(await ask('/either', { claims: { exp: 1 }, headers: withKey })).toMatchObject({ code: 'token_expired' });
    });

    it('and acl judge both kinds of callers by their groups', async () => {
      expect((await ask('/either-groups', { headers: withKey })).status).toBe(200);
      expect((await ask('/either-groups', { claims: { roles: ['admin'] } })).status).toBe(200);
      expect((await ask('/either-groups', { claims: { roles: ['user'] } })).status).toBe(403);
    });

    it('names the anonymous consumer for requests with nothing, and for no verified caller', async () => {
      expect((await ask('/either-or-none', { headers: forged })).identity).toEqual({
        'x-consumer-id': GUEST.id,
        'x-consumer-username': 'guest',
        'x-anonymous-consumer': 'true',
      });
      const bob = await ask('/either-or-none', { claims: { sub: 'bob' } });
      expect(bob.identity).toEqual({ 'x-user-id': 'bob' });
      expect(await logged(bob)).not.toHaveProperty('consumer');
    });
  });

  it('a request without a token is marked where it may pass', async () => {
    const { identity } = await ask('/open', { headers: { ...forged, 'X-User-ID': 'evil' } });
    expect(identity).toEqual({ 'x-anonymous-consumer': 'true' });
  });

  describe('what Kong and this plugin write', () => {
    const evil = {
      X_Authenticated_Groups: 'admin',
      X_Consumer_Username: 'evil',
      'X-Consumer-Groups': 'gold',
      X_Credential_Identifier: 'evil',
      'X-Anonymous-Consumer': 'false',
      X_Identity_Token: 'evil',
    };

    it('is what the service receives of groups, whatever reserved_headers lists', async () => {
      const { identity } = await ask('/short-groups', { claims: { roles: ['admin'] }, headers: evil });
      expect(identity).toEqual({ 'x-user-id': 'ada', 'x-user-roles': 'admin', 'x-authenticated-groups': 'admin' });
    });

    it.each(['X-Authenticated-Groups', 'x_authenticated_groups', 'X-Consumer-Groups', 'X-Anonymous-Consumer'])(
      'cannot be removed: Connection: %s is rejected',
      async (connection) => {
        service.received.length = 0;
        const token = await signToken(key, {
          iss: 'https://auth.test/',
          aud: 'shop',
          sub: 'ada',
          exp,
          roles: ['admin'],
        });
        const lines = [`Authorization: Bearer ${token}`, `Connection: ${connection}`];
        const head = ['GET /short-groups HTTP/1.1', 'Host: api.test', ...lines];
        const response = await sendRaw(kong, `${head.join('\r\n')}\r\n\r\n`);
        expect([response?.status, service.received]).toEqual([400, []]);
      },
    );

    it('is what the service receives of a key, with a short list and allow_authenticated', async () => {
      expect(await ask('/short-either', { headers: { apikey: 'ada-key', ...evil } })).toMatchObject({
        status: 200,
        identity: adasKey,
      });
      expect((await ask('/short-either', { headers: { apikey: 'ada-key' } })).identity).not.toHaveProperty(
        'x-anonymous-consumer',
      );
    });

    it('never calls a verified caller anonymous, with a short list', async () => {
      for (const path of ['/short-either', '/short-open']) {
        const { identity } = await ask(path, { claims: { sub: 'bob' }, headers: evil });
        expect(identity).toEqual({ 'x-user-id': 'bob' });
      }
    });

    it('never calls a caller with a key anonymous on a route that is open, with a short list', async () => {
      expect((await ask('/short-open', { headers: { apikey: 'ada-key' } })).identity).toEqual(adasKey);
      expect((await ask('/short-open', { headers: evil })).identity).toEqual({
        'x-consumer-id': GUEST.id,
        'x-consumer-username': 'guest',
        'x-anonymous-consumer': 'true',
      });
    });

    it('is what the service receives of a preflight, with a short list', async () => {
      const headers = { ...evil, origin: 'https://app.test', 'access-control-request-method': 'POST' };
      const { identity } = await ask('/short-preflight', { headers, method: 'OPTIONS' });
      expect(identity).toEqual({ 'x-anonymous-consumer': 'true' });
    });

    it('is what the service receives of a consumer, with a short list', async () => {
      const { identity } = await ask('/short-consumer', { claims: {}, headers: evil });
      expect(identity).toEqual({ 'x-user-id': 'ada', ...ada, 'x-consumer-groups': 'gold' });
    });
  });

  describe('log plugins', () => {
    const who = { issuer: 'https://auth.test/', kid: 'k1' };

    it('show who was refused and why', async () => {
      expect(await logged(await ask('/logged', { claims: { roles: ['user'] } }))).toMatchObject({
        response: { status: 403 },
        jwt_identity: {
          outcome: 'refuse',
          code: 'forbidden',
          status: 403,
          reason: 'authorize[1]: none of the roles',
          user: 'ada',
          ...who,
        },
      });
    });

    it('show nobody who was not verified', async () => {
      const entry = await logged(await ask('/logged', { claims: { exp: 1 } }));
      expect(entry['jwt_identity']).toEqual({
        outcome: 'refuse',
        code: 'token_expired',
        status: 401,
        reason: 'exp is past',
      });
      expect((await logged(await ask('/logged', {})))['jwt_identity']).toMatchObject({ code: 'token_missing' });
    });

    it('show what the shadow rules would have refused', async () => {
      const { status, ...answer } = await ask('/shadow', { claims: { roles: ['user'] } });
      expect(status).toBe(200);
      expect((await logged(answer))['jwt_identity']).toEqual({
        outcome: 'proceed',
        code: 'proceed',
        ...who,
        shadow: { code: 'forbidden', reason: 'authorize_shadow[1]: none of the roles' },
      });
    });

    it('show what log_decisions says, and no user unless asked to', async () => {
      expect((await logged(await ask('/logged-all', { claims: {} })))['jwt_identity']).toEqual({
        outcome: 'proceed',
        code: 'proceed',
        ...who,
      });
      expect(await logged(await ask('/logged-none', {}))).not.toHaveProperty('jwt_identity');
      expect(await logged(await ask('/both', { claims: {}, headers: { apikey: 'ada-key' } }))).not.toHaveProperty(
        'jwt_identity',
      );
    });

    it('show the user as credential where it is one', async () => {
      const answer = await ask('/by-credential', { claims: { sub: 'cleo' } });
      expect(await logged(answer)).toMatchObject({ authenticated_entity: { id: 'cleo' } });
    });
  });

  describe('tokens', () => {
    const genuine = (): Promise<string> =>
      signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', exp, roles: ['user'] });

    it.each<[string, string, (token: string) => [query: string, headers: Readonly<Record<string, string>>]]>([
      ['a cookie, refused', '/tokens-anywhere', (token) => ['', { cookie: `a=1; session=${token}` }]],
      ['a header, refused', '/tokens-anywhere', (token) => ['', { 'x-token': token }]],
      ['the query, refused', '/tokens-anywhere', (token) => [`?a=%20b&access_token=${token}&c`, {}]],
      ['the query alone, refused', '/tokens-anywhere', (token) => [`?access_token=${token}`, {}]],
      [
        'several places, refused as different',
        '/tokens-anywhere',
        (token) => [`?access_token=${token}`, { 'x-token': 'y' }],
      ],
      ['a repeated header, refused', '/tokens-anywhere', (token) => ['', { 'x-token': `Bearer ${token}, ${token}` }]],
      ['a cookie, let through', '/tokens-anywhere-open', (token) => ['', { cookie: `a=1; session=${token}` }]],
      ['the query, let through', '/tokens-anywhere-open', (token) => [`?a=%20b&access_token=${token}&c`, {}]],
    ])('are not in the log entry: %s', async (_, path, place) => {
      const token = await genuine();
      const [query, headers] = place(token);
      const response = await fetch(kong.proxyUrl + path + query, { headers });
      expect(response.status < 300).toBe(path.endsWith('open'));
      const entry = await logged({ requestId: response.headers.get('x-kong-request-id') ?? '' });
      expect(JSON.stringify(entry)).not.toContain(token.split('.')[2]);
      const rest = query.startsWith('?a=') ? `${path}?a=%20b&c` : path;
      expect(entry).toMatchObject({ request: { uri: rest, url: `http://127.0.0.1:${kong.port}${rest}` } });
    });
  });

  it('other cookies beside a hidden token stay the same as long as they are UTF-8', async () => {
    const token = await signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', exp });
    const heard = async (bytes: string): Promise<string> => {
      service.received.length = 0;
      await sendRaw(kong, rawGet('/tokens-anywhere-open', [`Cookie: a=${bytes}; session=${token}`]));
      return Buffer.from(service.received[0]?.headers['cookie']?.[0] ?? '', 'latin1').toString('utf8');
    };
    expect(await heard('\xc3\xa9')).toBe('a=é');
    expect(await heard('\xe9')).toBe('a=\ufffd');
  });

  /** The entry of a request in the log file; waits until it is there. */
  async function logged({ requestId }: Pick<Answer, 'requestId'>): Promise<Record<string, unknown>> {
    const file = join(folder, 'file.log');
    for (;;) {
      const lines = existsSync(file) ? readFileSync(file, 'utf8').split('\n').slice(0, -1) : [];
      const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown> & { request: { id: string } });
      const entry = entries.find(({ request }) => request.id === requestId);
      if (entry !== undefined) return entry;
      await delay(20);
    }
  }
});
