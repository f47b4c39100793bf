import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { REFUSALS, type RefusalCode } from '../../src/core/refusal/refusal';
import { dumpAllPlugins, StockPluginServer, type StockOutcome } from '../support/stock-plugin-server';
import { pem, publicJwk, signingKey, signToken, type SigningKey } from '../support/tokens';

const ISSUER = 'https://auth.example.com/';
const SECRET = 'a secret of at least 32 characters';
const SECRET_ISSUER = 'https://secret.example.com/';

/** Headers as Kong sends them over MsgPack:1: every value is a list. */
const headers = (given: Readonly<Record<string, string | readonly string[]>>): Record<string, readonly string[]> =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, typeof value === 'string' ? [value] : value]));

describe('the plugin under the stock kong-js-pluginserver', () => {
  let key: SigningKey;
  let server: StockPluginServer;
  let instance: number;

  beforeAll(async () => {
    key = signingKey('ES256', 'k1');
    server = await StockPluginServer.start('plugin');
    instance = await server.startInstance(config());
  });
  afterAll(() => server.stop());

  const config = (changes: object = {}): object => ({
    issuers: [
      { issuer: ISSUER, audiences: ['orders'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) },
      { issuer: SECRET_ISSUER, audiences: ['orders'], secret: SECRET },
    ],
    common_caller_ids: true,
    realm: null,
    cookie_names: {},
    ...changes,
  });
  const claims = (changes: object = {}): Record<string, unknown> => ({
    iss: ISSUER,
    sub: 'u1',
    aud: 'orders',
    exp: Math.floor(Date.now() / 1000) + 300,
    roles: ['admin', 'user'],
    ...changes,
  });
  const ask = (given: Parameters<typeof headers>[0], answers: object = {}, id = instance): Promise<StockOutcome> =>
    server.access(id, {
      'kong.request.get_headers': headers({ host: 'shop', ...given }),
      'kong.nginx.get_var': '5d82cd7c2554d817029b270f9caac357',
      ...answers,
    });
  const bearer = async (changes?: object): Promise<{ authorization: string }> => ({
    authorization: `Bearer ${await signToken(key, claims(changes))}`,
  });

  it('is dumped as Kong wants it', async () => {
    const plugins = JSON.parse(await dumpAllPlugins('plugin')) as unknown[];
    expect(plugins).toEqual([
      {
        Name: 'jwt-identity',
        Version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
        Priority: 985,
        Phases: ['access'],
        Schema: { name: 'jwt-identity', fields: [{ config: { type: 'record', fields: expect.any(Array) } }] },
      },
    ]);
  });

  it('lets a good token pass with two calls, and strips what the client forged', async () => {
    const forged = { 'x-user-id': 'evil', x_user_id: 'evil', 'x-user-roles': ['root', 'admin'], x_consumer_id: 'evil' };
    const { calls, exit } = await ask({ ...(await bearer()), ...forged });
    expect(exit).toBeUndefined();
    expect(calls).toEqual([
      { method: 'kong.request.get_headers', args: [1000] },
      {
        method: 'kong.service.request.set_headers',
        args: [
          { 'X-User-ID': 'u1', 'X-User-Roles': 'admin,user', x_user_id: [], x_consumer_id: [], authorization: [] },
        ],
      },
    ]);
  });

  it('accepts an HMAC issuer beside it, each with its own keys', async () => {
    const input = [{ alg: 'HS256' }, claims({ iss: SECRET_ISSUER })]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const token = `${input}.${createHmac('sha256', SECRET).update(input).digest('base64url')}`;
    expect((await ask({ authorization: `Bearer ${token}` })).exit).toBeUndefined();
  });

  /** What a request is refused for: what is wrong with it, the code, its headers, and the configuration if it matters. */
  type RefusedCase = [string, RefusalCode, () => object | Promise<object>, object?, object?];
  const good = (): Promise<object> => bearer();

  describe('refuses', () => {
    // Two have specs of their own; the others are said beside and behind the gateway (src/bff, src/guard).
    const elsewhere = ['cross_site_request', 'identity_malformed', 'not_from_gateway'];
    const seen = new Set<string>(['internal_error', 'configuration_error', ...elsewhere]);

    it.each<RefusedCase>([
      ['no token', 'token_missing', () => ({})],
      ['credentials of another scheme', 'token_missing', () => ({ authorization: 'Basic dTpw' })],
      ['a bare token', 'credentials_malformed', () => ({ authorization: 'a.b.c' })],
      [
        'two Authorization headers',
        'credentials_malformed',
        async () => {
          const { authorization } = await bearer();
          return { authorization: [authorization, authorization] };
        },
      ],
      [
        'different tokens in header and cookie',
        'tokens_conflict',
        async () => ({ ...(await bearer()), cookie: 'session=a.b.c' }),
        { cookie_names: ['session'] },
      ],
      ['a large token', 'token_too_large', () => ({ authorization: `Bearer ${'a'.repeat(8193)}` })],
      [
        '1000 headers',
        'headers_truncated',
        async () => ({
          ...(await bearer()),
          ...Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`h${i}`, 'v'])),
        }),
      ],
      [
        'Connection: X-User-ID',
        'connection_header_abuse',
        async () => ({ ...(await bearer()), connection: 'X-User-ID' }),
      ],
      ['a broken token', 'token_malformed', () => ({ authorization: 'Bearer x.y.z' })],
      ['a token of an unknown issuer', 'token_untrusted', () => bearer({ iss: 'https://evil.example/' })],
      [
        'a forged signature',
        'token_untrusted',
        async () => ({ authorization: (await bearer()).authorization.replace(/.{8}$/, 'AAAAAAAA') }),
      ],
      ['an expired token', 'token_expired', () => bearer({ exp: 1 })],
      ['a token of tomorrow', 'token_not_yet_valid', () => bearer({ nbf: Math.floor(Date.now() / 1000) + 86_400 })],
      [
        'a token that lives too long',
        'token_lifetime_too_long',
        () => bearer({ iat: Math.floor(Date.now() / 1000) - 100 }),
        { maximum_expiration: 60 },
      ],
      [
        'a logout token',
        'token_type_not_accepted',
        async () => ({ authorization: `Bearer ${await signToken(key, claims(), { typ: 'logout+jwt' })}` }),
      ],
      ['a token for others', 'audience_not_accepted', () => bearer({ aud: 'billing' })],
      ['a token without a subject', 'claim_missing', () => bearer({ sub: undefined })],
      ['a role with a comma', 'claim_invalid', () => bearer({ roles: ['a,b'] })],
      [
        'a missing scope',
        'insufficient_scope',
        good,
        { authorize: [{ scopes: ['orders:read', 'orders:write'] }] },
        { 'kong.request.get_method': 'GET' },
      ],
      ['a missing role', 'forbidden', good, { authorize: [{ roles: ['root'] }] }, { 'kong.request.get_method': 'GET' }],
      [
        'an unknown consumer',
        'consumer_unknown',
        good,
        { consumer_claim: 'sub' },
        { 'kong.client.load_consumer': null },
      ],
      [
        'everybody while the keys are not to be had',
        'keys_unavailable',
        good,
        // Nothing listens on port 0.
        { issuers: [{ issuer: ISSUER, audiences: ['orders'], jwks_uri: 'http://127.0.0.1:0/jwks' }] },
      ],
    ])('%s with %s', async (_, code, given, ...[changes, answers]) => {
      const { status, error } = REFUSALS[code];
      const id = changes === undefined ? instance : await server.startInstance(config(changes));
      const { calls, exit } = await ask((await given()) as Parameters<typeof headers>[0], answers, id);
      expect(exit?.status).toBe(status);
      expect(JSON.parse(exit?.body ?? '')).toMatchObject({
        status,
        code,
        request_id: '5d82cd7c2554d817029b270f9caac357',
      });
      expect(exit?.headers).toMatchObject({
        'Content-Type': 'application/problem+json',
        'Cache-Control': 'no-store',
        ...(error !== null && { 'WWW-Authenticate': expect.stringContaining(`error="${error}"`) }),
        ...(code === 'insufficient_scope' && {
          'WWW-Authenticate': expect.stringMatching(/scope="orders:read orders:write"$/),
        }),
        ...(code === 'keys_unavailable' && { 'Retry-After': expect.stringMatching(/^[1-9]\d*$/) }),
      });
      // Nothing is said of a caller. What is changed hides the tokens from Kong's log plugins.
      const changed = calls.filter(({ method }) => method === 'kong.service.request.set_headers');
      const names = changed.flatMap(({ args }) => Object.keys(args[0] as object)).map((name) => name.toLowerCase());
      expect(names.filter((name) => !['authorization', 'cookie'].includes(name))).toEqual([]);
      seen.add(code);
    });

    it('with every code there is', () => {
      // Only the decision server for other gateways says the first; lists of revoked tokens have specs of their own.
      const elsewhere = ['headers_forged', 'revocation_unavailable', 'token_revoked'];
      expect([...seen, ...elsewhere].sort()).toEqual(Object.keys(REFUSALS).sort());
    });
  });

  it('refuses with 500 when Kong answers something unforeseen', async () => {
    for (const reply of [null, 'text', { authorization: [7] }]) {
      const { exit } = await ask({}, { 'kong.request.get_headers': reply });
      expect(exit?.status).toBe(500);
      expect(exit?.body).toContain('internal_error');
    }
  });

  it('refuses every request of an instance whose configuration is unsafe, and says why in its log', async () => {
    const id = await server.startInstance(config({ issuers: [{ issuer: ISSUER, public_key: pem(key) }] }));
    const { exit } = await ask(await bearer(), {}, id);
    expect(exit?.status).toBe(500);
    expect(exit?.body).toContain('configuration_error');
    expect(server.output()).toMatch(/configuration is not usable.*config\.issuers\[1\]/);
  });

  it('hands groups and credential to Kong before it lets the request pass', async () => {
    const id = await server.startInstance(config({ authenticated_groups_claim: 'roles', credential_claim: 'sub' }));
    const { calls, exit } = await ask(await bearer(), {}, id);
    expect(exit).toBeUndefined();
    expect(calls.slice(1, 3)).toEqual([
      { method: 'kong.ctx.shared.set', args: ['authenticated_groups', ['admin', 'user']] },
      { method: 'kong.nginx.set_ctx', args: ['authenticated_credential', { id: 'u1' }] },
    ]);
  });

  describe('with a claim that names a consumer', () => {
    const alice = { id: 'b32379d9-3d28-5683-a79c-72139be6e34f', username: 'alice', custom_id: 'al' };
    let id: number;
    beforeAll(async () => {
      id = await server.startInstance(config({ consumer_claim: 'sub', consumer_by: 'username' }));
    });

    it('authenticates the consumer and sets its headers', async () => {
      const forged = { 'x-consumer-id': 'evil' };
      const answers = { 'kong.client.load_consumer': alice };
      const { calls, exit } = await ask({ ...(await bearer({ sub: 'alice' })), ...forged }, answers, id);
      expect(exit).toBeUndefined();
      expect(calls).toContainEqual({ method: 'kong.client.load_consumer', args: ['alice', true] });
      expect(calls).toContainEqual({ method: 'kong.client.authenticate', args: [alice, null] });
      expect(calls.at(-1)?.args[0]).toEqual({
        'X-User-ID': 'alice',
        'X-User-Roles': 'admin,user',
        'X-Consumer-ID': alice.id,
        'X-Consumer-Username': 'alice',
        'X-Consumer-Custom-ID': 'al',
        authorization: [],
      });
    });

    it.each([
      ['does not exist', null],
      ['is an empty message', {}],
      ['is another one, found by its id', { ...alice, username: 'bob' }],
    ])('refuses the caller when the consumer %s', async (_, consumer) => {
      const { calls, exit } = await ask(await bearer({ sub: 'alice' }), { 'kong.client.load_consumer': consumer }, id);
      expect(exit?.body).toContain('consumer_unknown');
      expect(calls.map(({ method }) => method)).not.toContain('kong.client.authenticate');
    });
  });

  it('logs refusals with their reason, and never a token, a claim or a key', async () => {
    const token = await signToken(key, claims({ sub: 'SECRETSUB', aud: 'SECRETAUD' }));
    await ask({ authorization: `Bearer ${token}` });
    expect(server.output()).toContain('request refused code=audience_not_accepted');
    for (const secret of [token, token.split('.')[1]!, 'SECRETSUB', 'SECRETAUD', SECRET]) {
      expect(server.output()).not.toContain(secret);
    }
  });
});

describe('the compiled plugin, as npm installs it', () => {
  let server: StockPluginServer;
  beforeAll(async () => {
    server = await StockPluginServer.start('dist/plugin');
  });
  afterAll(() => server.stop());

  it('is dumped like its sources', async () => {
    expect(JSON.parse(await dumpAllPlugins('dist/plugin'))).toEqual(JSON.parse(await dumpAllPlugins('plugin')));
  });

  it('accepts, strips and refuses', async () => {
    const key = signingKey('RS256', 'k1');
    const jwks = JSON.stringify({ keys: [publicJwk(key)] });
    const id = await server.startInstance({ issuers: [{ issuer: ISSUER, audiences: ['orders'], jwks }] });
    const exp = Math.floor(Date.now() / 1000) + 300;
    const token = await signToken(key, { iss: ISSUER, sub: 'u1', aud: 'orders', exp });
    const request = { authorization: `Bearer ${token}`, x_user_id: 'evil' };
    const accepted = await server.access(id, { 'kong.request.get_headers': headers(request) });
    expect(accepted.exit).toBeUndefined();
    expect(accepted.calls.at(-1)?.args).toEqual([{ 'X-User-ID': 'u1', x_user_id: [], authorization: [] }]);
    const refused = await server.access(id, { 'kong.request.get_headers': headers({ x_user_id: 'evil' }) });
    expect(refused.exit?.status).toBe(401);
  });
});
