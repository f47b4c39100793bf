import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Plugin } from '../../../plugin/jwt-identity/index';
import { HANDLER_MEMBER, PACKAGE_VERSION, VERDICT_MEMBER, type Verdict } from '../../../src/protocol/verdict';
import { pluginKong, type PluginAnswers, type RecordedCall } from '../../support/plugin-kong';
import { publicJwk, signingKey, signToken, type SigningKey } from '../../support/tokens';

const ISSUER = 'https://auth.example.com/';
const now = Math.floor(Date.now() / 1000);
let key: SigningKey;
let token: string;
const tokenWith = (claims: object = {}): Promise<string> =>
  signToken(key, { iss: ISSUER, sub: 'u1', aud: 'orders', exp: now + 300, roles: ['admin'], ...claims });
beforeAll(async () => {
  key = signingKey('ES256', 'k');
  token = await tokenWith();
});

// What the plugin logs goes to stderr, which is Kong's error log.
const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
afterAll(() => {
  stderr.mockRestore();
});

interface Situation {
  readonly config?: object;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly answers?: PluginAnswers;
  readonly handler?: unknown;
}

async function access({
  config = {},
  headers,
  answers,
  handler = PACKAGE_VERSION,
}: Situation): Promise<RecordedCall[]> {
  const jwks = JSON.stringify({ keys: [publicJwk(key)] });
  const issuers = [{ issuer: ISSUER, audiences: ['orders'], jwks }];
  const plugin = new Plugin({ issuers, ...config, __plugin_id: 'p', __seq__: 7, [HANDLER_MEMBER]: handler });
  const { kong, calls } = pluginKong({
    'request.getHeaders': () => Promise.resolve(headers ?? { host: 'shop.test', authorization: `Bearer ${token}` }),
    ...answers,
  });
  await plugin.access(kong);
  return calls;
}

async function verdictOf(situation: Situation = {}): Promise<Verdict> {
  const { method, args } = (await access(situation)).at(-1)!;
  expect([method, args[0]]).toEqual(['ctx.shared.set', VERDICT_MEMBER]);
  return JSON.parse(args[1] as string) as Verdict;
}

describe('a verdict for the handler', () => {
  it('is the only thing that Kong is told about a request that passes', async () => {
    expect((await access({})).map(({ method }) => method)).toEqual(['request.getHeaders', 'ctx.shared.set']);
    expect(await verdictOf()).toEqual({
      version: PACKAGE_VERSION,
      server: expect.stringMatching(/^[0-9a-f-]{36}$/),
      plugin: 'p',
      sequence: 7,
      proceed: {
        headers: [
          ['authorization', []],
          ['X-User-ID', 'u1'],
          ['X-User-Roles', 'admin'],
        ],
      },
      repeat: {
        seconds: 5,
        kind: 'token',
        equal: ['authorization', 'connection'],
        absent: [],
        method: false,
        harmless: ['host'],
        label: JSON.stringify({ outcome: 'proceed', code: 'proceed', status: 0, issuer: ISSUER, kid: 'k' }),
      },
      spread: expect.any(Number),
    });
  });

  it('comes after the answer’s own lines, which are no part of it, and such a request is asked about each time', async () => {
    const config = { cookie_names: ['s'], allow_missing: true, on_invalid_cookie: 'anonymous' };
    const situation = { config, headers: { cookie: 's=x' } };
    const calls = (await access(situation)).filter(({ method }) => /addHeader|shared/.test(method));
    expect(calls.map(({ method }) => method)).toEqual(['response.addHeader', 'ctx.shared.set']);
    expect(calls[0]!.args).toEqual(['Set-Cookie', ['s=; Path=/; Max-Age=0']]);
    expect((await verdictOf(situation)).repeat).toBeUndefined();
  });

  it('is the document itself for a request for the metadata, and other answers are not repeated for its path', async () => {
    const path = '/.well-known/oauth-protected-resource/mcp';
    const config = { resource_metadata: { resource: 'https://api.test/mcp' } };
    const at = (target: string): PluginAnswers => ({
      'request.getMethod': () => Promise.resolve('GET'),
      'nginx.getVar': () => Promise.resolve(target),
    });
    const document = await verdictOf({ config, headers: {}, answers: at(path) });
    expect(document).toMatchObject({ refuse: { status: 200, body: expect.stringContaining('"resource"') } });
    expect(document.repeat).toBeUndefined();
    const missing = await verdictOf({ config, headers: {}, answers: at('/mcp') });
    expect(missing).toMatchObject({ refuse: { status: 401 }, repeat: { kind: 'missing', exceptPath: path } });
    const passing = await verdictOf({ config, answers: at('/mcp') });
    expect(passing).toMatchObject({ repeat: { kind: 'token', method: false, exceptPath: path } });
  });

  it('ends otherwise than the one before it, because LuaJIT hashes a text by its ends', async () => {
    const textOf = async (): Promise<string> => (await access({})).at(-1)!.args[1] as string;
    const [one, other] = [await textOf(), await textOf()];
    expect(one).toMatch(/"spread":\d{3}\}$/);
    expect(one.slice(-4)).not.toBe(other.slice(-4));
  });

  it('holds a blank in place of an empty value, which Kong sends when it sets headers without the handler', async () => {
    const { proceed } = await verdictOf({
      config: { cookie_names: ['session'] },
      headers: { cookie: `session=${token}; ` },
    });
    expect(proceed!.headers).toContainEqual(['cookie', ' ']);
  });

  it('holds groups, credential and log entry', async () => {
    const config = { authenticated_groups_claim: 'roles', credential_claim: 'sub', log_decisions: 'all' };
    expect(await verdictOf({ config })).toMatchObject({
      proceed: { groups: ['admin'], credential: 'u1' },
      log: { outcome: 'proceed', code: 'proceed' },
    });
  });

  it('holds a refusal that the handler completes with the id of the request', async () => {
    const { refuse, proceed, log, line, repeat } = await verdictOf({ headers: { authorization: 'Bearer x' } });
    expect([proceed, repeat]).toEqual([undefined, undefined]);
    expect(log).toMatchObject({ outcome: 'refuse', code: 'token_malformed' });
    expect(line).toEqual({ kind: 'token_malformed', text: expect.stringMatching(/^code=token_malformed reason="/) });
    expect(JSON.parse(refuse!.body)).toMatchObject({ status: 401, code: 'token_malformed' });
    expect(refuse).toMatchObject({ takesIds: true });
    expect(refuse).toMatchObject({ status: 401, headers: { 'Cache-Control': 'no-store' } });
  });

  it('writes half of a surrogate pair as U+FFFD, which is what Kong would get without the handler', async () => {
    const headers = { authorization: `Bearer ${await tokenWith({ sub: 'a\ud800b\\ud800' })}` };
    const config = { log_decisions: 'all', log_user_claim: 'sub' };
    expect((await verdictOf({ config, headers })).log).toMatchObject({ user: 'a\ufffdb\\ud800' });
  });

  it('refuses with 500 when the configuration is not usable', async () => {
    expect(await verdictOf({ config: { issuers: [] } })).toMatchObject({ refuse: { status: 500 } });
  });

  it.each([['0.0.9'], [7], [{}]])(
    'is not left for a handler of version %p: every request is refused',
    async (handler) => {
      const { method, args } = (await access({ handler })).at(-1)!;
      expect([method, args[0], args[1]]).toEqual([
        'response.exit',
        500,
        expect.stringContaining('configuration_error'),
      ]);
    },
  );

  it('refuses the request when it cannot be left', async () => {
    const attempts: unknown[] = [];
    const calls = await access({
      answers: {
        'ctx.shared.set': () => {
          attempts.push(0);
          return attempts.length === 1 ? Promise.reject(new Error('x')) : Promise.resolve();
        },
      },
    });
    expect(JSON.parse(calls.at(-1)!.args[1] as string)).toMatchObject({ refuse: { status: 500 } });
  });
});

describe('an answer may be repeated', () => {
  const withHeaders = (headers: Situation['headers']): Situation => ({
    headers: { authorization: `Bearer ${token}`, ...headers },
  });

  it('until the end of the token and its leeway, at most', async () => {
    const headers = { authorization: `Bearer ${await tokenWith({ exp: now - 297 })}` };
    const { repeat } = await verdictOf({ config: { leeway: 300 }, headers });
    expect(repeat!.seconds).toBeGreaterThan(0);
    expect(repeat!.seconds).toBeLessThan(3.1);
  });

  it('for as long as the configuration says', async () => {
    expect((await verdictOf({ config: { worker_cache_ttl: 10 } })).repeat!.seconds).toBe(10);
    expect((await verdictOf({ config: { worker_cache_ttl: 0 } })).repeat).toBeUndefined();
  });

  it('for the same method only, where rules, preflights or shadow rules look at it', async () => {
    const answers = { 'request.getMethod': () => Promise.resolve('GET') };
    for (const config of [
      { authorize: [{ any_identity: true }] },
      { authorize_shadow: [{ any_identity: true }] },
      { run_on_preflight: false },
    ]) {
      expect((await verdictOf({ config, answers })).repeat).toMatchObject({ method: true });
    }
  });

  it('with the consumer that Kong knows', async () => {
    const config = { consumer_claim: 'sub' };
    const answers = { 'client.loadConsumer': () => Promise.resolve({ id: 'c1', username: 'u1' }) };
    expect((await verdictOf({ config, answers })).repeat).toMatchObject({ consumer: true });
  });

  it('where the token may be in several headers, if they all are the same', async () => {
    const situation = { config: { header_names: ['Authorization', 'X-Token'] }, headers: { 'x-token': token } };
    expect((await verdictOf(situation)).repeat).toMatchObject({ equal: ['authorization', 'x-token', 'connection'] });
  });

  it('to a request without a token, whatever its other headers are', async () => {
    const { repeat } = await verdictOf({ headers: { host: 'a', x_user_id: 'evil' } });
    expect(repeat).toEqual({
      seconds: 5,
      kind: 'missing',
      equal: ['connection', 'content-type'],
      absent: ['authorization'],
      method: false,
      label: JSON.stringify({ outcome: 'refuse', code: 'token_missing', status: 401 }),
    });
  });

  it('to a request without a token, if cookies that may hold one are the same', async () => {
    const situation = { config: { cookie_names: ['t'] }, headers: { cookie: 'a=b' } };
    expect((await verdictOf(situation)).repeat).toMatchObject({ equal: ['connection', 'content-type', 'cookie'] });
  });

  const none: [string, () => Situation][] = [
    ['the request holds a header that it may not send', () => withHeaders({ x_user_id: 'evil' })],
    [
      'the request holds a second spelling of a token header',
      () => ({ config: { header_names: ['Authorization', 'X-Token'] }, ...withHeaders({ x_token: 'a' }) }),
    ],
    ['Connection names a header', () => withHeaders({ connection: 'x-trace' })],
    ['the token is written in an unusual way', () => ({ headers: { authorization: `bearer ${token}` } })],
    ['the token has two spaces before it', () => ({ headers: { authorization: `Bearer  ${token}` } })],
    ['the token is in a cookie', () => ({ config: { cookie_names: ['t'] }, headers: { cookie: `t=${token}` } })],
    [
      'a cookie may hold a token',
      () => ({ ...withHeaders({ cookie: 'a=b' }), config: { cookie_names: ['t'], header_names: ['authorization'] } }),
    ],
    [
      'the query may hold a token',
      () => ({
        config: { uri_param_names: ['t'] },
        answers: { 'request.getRawQuery': () => Promise.resolve('a=b') },
      }),
    ],
    [
      'the query may hold a token, and Kong answers with nothing because there is none',
      () => ({
        config: { uri_param_names: ['t'] },
        answers: { 'request.getRawQuery': () => Promise.resolve(undefined) },
      }),
    ],
    [
      'the query may hold a token, and neither the request nor Kong’s answer has any',
      () => ({
        config: { uri_param_names: ['t'] },
        headers: {},
        answers: { 'request.getRawQuery': () => Promise.resolve(undefined) },
      }),
    ],
    ['the request has no token and may be anonymous', () => ({ config: { allow_missing: true }, headers: {} })],
    [
      'another plugin may know the caller',
      () => ({ config: { allow_authenticated: true, issuers: undefined }, headers: {} }),
    ],
    [
      'the token is among the subprotocols of a WebSocket, however it is written',
      () => ({
        config: { header_names: ['sec-websocket-protocol'] },
        headers: { 'sec-websocket-protocol': `bearer,${token}` },
      }),
    ],
    ['Authorization holds another scheme', () => ({ headers: { authorization: 'Basic x' } })],
    ['the token is refused', () => ({ headers: { authorization: 'Bearer x' } })],
    [
      'the method is one that a client made up',
      () => ({
        config: { authorize: [{ any_identity: true }] },
        answers: { 'request.getMethod': () => Promise.resolve('PURGE') },
      }),
    ],
    [
      'the request may be a preflight',
      () => ({
        config: { run_on_preflight: false },
        answers: { 'request.getMethod': () => Promise.resolve('OPTIONS') },
      }),
    ],
    [
      'the consumer is not known',
      () => ({
        config: { consumer_claim: 'sub', consumer_optional: true },
        answers: { 'client.loadConsumer': () => Promise.resolve(null) },
      }),
    ],
  ];
  it.each(none)('by nobody when %s', async (_, situation) => {
    const { config, ...rest } = situation();
    const cleaned = Object.fromEntries(Object.entries(config ?? {}).filter(([, value]) => value !== undefined));
    expect((await verdictOf({ ...rest, config: cleaned })).repeat).toBeUndefined();
  });

  it('by what is known of all places in core that read a header', () => {
    const core = resolve(__dirname, '../../../src/core');
    const readers = readdirSync(core, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts'))
      .filter((file) => /headerOf\(|RequestView/.test(readFileSync(join(core, file), 'utf8')));
    // A new reader belongs here as soon as plugin/jwt-identity/repetition.ts names what it looks at, or asks each time.
    expect(readers.toSorted()).toEqual([
      'identity/identity-token.ts',
      'pipeline.ts',
      'policy.ts',
      'request/bearer-token.ts',
      'request/cookie-token.ts',
      'request/credential-grammar.ts',
      'request/credential-hiding.ts',
      'request/header-hygiene.ts',
      'request/request-view.ts',
      // For log lines and bodies only, which name the trace of each request when they are written.
      'request/trace-context.ts',
    ]);
  });
});
