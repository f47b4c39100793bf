import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Plugin } from '../../../plugin/jwt-identity/index';
import { pluginKong, type PluginAnswers, type RecordedCall } from '../../support/plugin-kong';
import { pem, publicJwk, signingKey, signToken, type SigningKey } from '../../support/tokens';

const ISSUER = 'https://auth.example.com/';
let key: SigningKey;
let headers: Record<string, string>;
beforeAll(async () => {
  key = signingKey('ES256', 'k');
  const exp = Math.floor(Date.now() / 1000) + 300;
  const token = await signToken(key, { iss: ISSUER, sub: 'u1', aud: 'orders', exp, roles: ['admin'] });
  headers = { authorization: `Bearer ${token}` };
});

// What the plugin logs goes to stderr, which is Kong's error log.
const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
afterAll(() => {
  stderr.mockRestore();
});

async function access(answers: PluginAnswers, changes: object = {}): Promise<RecordedCall[]> {
  const jwks = JSON.stringify({ keys: [publicJwk(key)] });
  const plugin = new Plugin({ issuers: [{ issuer: ISSUER, audiences: ['orders'], jwks }], ...changes });
  const { kong, calls } = pluginKong({ 'request.getHeaders': () => Promise.resolve(headers), ...answers });
  await plugin.access(kong);
  return calls;
}
const last = (calls: readonly RecordedCall[]): unknown => [calls.at(-1)?.method, calls.at(-1)?.args[0]];

const faults: [string, () => unknown][] = [
  [
    'throws',
    () => {
      throw new Error('SECRET');
    },
  ],
  ['rejects', () => Promise.reject(new Error('SECRET'))],
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a fault may be anything
  ['rejects with nothing', () => Promise.reject()],
];

describe('a request for the metadata of the resource', () => {
  const changes = {
    issuers: undefined,
    resource_metadata: { resource: 'https://api.test/mcp' },
  };
  const target = (path: string): PluginAnswers => ({
    'request.getHeaders': () => Promise.resolve({}),
    'request.getMethod': () => Promise.resolve('GET'),
    'nginx.getVar': () => Promise.resolve(path),
  });
  const config = (): object => ({
    ...changes,
    issuers: [{ issuer: ISSUER, audiences: ['orders'], public_key: pem(key) }],
  });

  it('is answered without a token, whatever its query says', async () => {
    const calls = await access(target('/.well-known/oauth-protected-resource/mcp?x=1'), config());
    expect(calls.at(-1)).toMatchObject({
      method: 'response.exit',
      args: [200, expect.stringContaining('"resource":"https://api.test/mcp"'), { 'Access-Control-Allow-Origin': '*' }],
    });
  });

  it.each(['/mcp', '/.well-known/oauth-protected-resource', '/mcp?/.well-known/oauth-protected-resource/mcp', ''])(
    'is none at %s: the request is refused, and the challenge says where the metadata is',
    async (path) => {
      const { args } = (await access(target(path), config())).at(-1)!;
      expect(args[0]).toBe(401);
      expect(args[2]).toMatchObject({
        'WWW-Authenticate':
          'Bearer realm="service", resource_metadata="https://api.test/.well-known/oauth-protected-resource/mcp"',
      });
    },
  );

  it('is refused when Kong does not take the answer', async () => {
    const exits: unknown[] = [];
    const answers = { ...target('/.well-known/oauth-protected-resource/mcp'), 'response.exit': () => exits.push(1) };
    const failing = { ...answers, 'nginx.getVar': () => Promise.reject(new Error('SECRET')) };
    expect(last(await access(failing, config()))).toEqual(['response.exit', 500]);
  });
});

describe('the access phase', () => {
  it('lets a good request pass with two calls', async () => {
    expect((await access({})).map(({ method }) => method)).toEqual([
      'request.getHeaders',
      'service.request.setHeaders',
    ]);
  });

  it.each([
    ['nothing else', {}],
    ['the method', { authorize: [{ any_identity: true }] }],
    ['the query', { uri_param_names: ['t'] }],
    ['the credential', { allow_authenticated: true }],
  ])('asks for as many headers as Kong hands out when it needs %s of the request, too (A4)', async (_, changes) => {
    const [asked] = (await access({}, changes)).filter(({ method }) => method === 'request.getHeaders');
    expect(asked?.args).toEqual([1000]);
  });

  it('takes a header line in a list for that line, and two lines for two (MsgPack:1)', async () => {
    const { authorization } = headers;
    const reply = (lines: object) => ({ 'request.getHeaders': () => Promise.resolve(lines) });
    const good = await access(reply({ host: ['shop.test'], authorization: [authorization] }));
    expect(last(good)).toEqual(['service.request.setHeaders', expect.objectContaining({ 'X-User-ID': 'u1' })]);
    const twice = await access(reply({ host: 'shop.test', authorization: [authorization, authorization] }));
    expect(last(twice)).toEqual(['response.exit', 400]);
    const forged = await access(reply({ authorization, x_user_id: ['evil', 'root'] }));
    expect(last(forged)).toEqual(['service.request.setHeaders', expect.objectContaining({ x_user_id: [] })]);
  });

  it.each(['x-consumer-id', 'x-credential-identifier', 'x-anonymous-consumer'])(
    'asks Kong who is calling when a client sends %s, which Kong itself may have written',
    async (name) => {
      const sent = { ...headers, [name]: 'evil' };
      const calls = await access({ 'request.getHeaders': () => Promise.resolve(sent) });
      expect(calls.map(({ method }) => method)).toEqual(expect.arrayContaining(['client.getConsumer']));
      expect(last(calls)).toEqual(['service.request.setHeaders', expect.objectContaining({ [name]: [] })]);
    },
  );

  const everything = {
    authorize: [{ any_identity: true }],
    uri_param_names: ['t'],
    authenticated_groups_claim: 'roles',
    credential_claim: 'sub',
    consumer_claim: 'sub',
  };
  const found: PluginAnswers = {
    'request.getRawQuery': () => Promise.resolve('t='),
    'client.loadConsumer': () => Promise.resolve({ id: 'c1', username: 'u1' }),
  };
  const methods = [
    'request.getHeaders',
    'request.getMethod',
    'request.getRawQuery',
    'client.loadConsumer',
    'client.authenticate',
    'ctx.shared.set',
    'nginx.setCtx',
    'service.request.setHeaders',
  ];

  it.each(methods.flatMap((method) => faults.map(([what, fault]) => [method, what, fault] as const)))(
    'ends the request with 500 when %s %s (G1)',
    async (method, _, fault) => {
      const calls = await access(
        { ...found, 'request.getRawQuery': () => Promise.resolve(''), [method]: fault },
        everything,
      );
      expect(calls.map((call) => call.method)).toContain(method);
      expect(last(calls)).toEqual(['response.exit', 500]);
      expect(JSON.stringify(calls.at(-1))).not.toContain('SECRET');
      expect(JSON.stringify(stderr.mock.calls)).not.toContain('SECRET');
    },
  );

  it.each(faults)('answers without a request id when Kong %s instead of telling it', async (_, fault) => {
    const calls = await access({ 'request.getHeaders': () => Promise.resolve({}), 'nginx.getVar': fault });
    expect(last(calls)).toEqual(['response.exit', 401]);
  });

  it.each(faults)('refuses all the same when Kong %s instead of hiding the token of a refusal', async (_, fault) => {
    const calls = await access({ 'service.request.setHeaders': fault }, { authorize: [{ roles: ['root'] }] });
    expect(calls.map(({ method }) => method)).toContain('service.request.setHeaders');
    expect(last(calls)).toEqual(['response.exit', 403]);
  });

  it.each([[undefined], [null], ['text'], [7], [{ authorization: 7 }], [{ authorization: [null] }]])(
    'ends the request with 500 when Kong answers %p for the headers',
    async (reply) => {
      expect(last(await access({ 'request.getHeaders': () => Promise.resolve(reply) }))).toEqual([
        'response.exit',
        500,
      ]);
    },
  );

  it.each<[string, unknown]>([
    ['a number', 7],
    ['an object', { 0: 'a' }],
    ['a list of numbers', [7]],
    ['a list with one line that is no text', ['a', 7]],
  ])('ends the request with 500 when one header of a good request is %s', async (_, value) => {
    for (const reply of [
      { ...headers, 'x-a': value },
      { 'x-a': value, ...headers },
    ]) {
      const calls = await access({ 'request.getHeaders': () => Promise.resolve(reply) });
      expect(last(calls)).toEqual(['response.exit', 500]);
    }
  });

  it('makes the browser forget a cookie that is ignored, also without the handler', async () => {
    const calls = await access(
      { 'request.getHeaders': () => Promise.resolve({ cookie: 's=x' }) },
      { cookie_names: ['s'], allow_missing: true, on_invalid_cookie: 'anonymous' },
    );
    expect(calls.filter(({ method }) => method === 'response.addHeader').map(({ args }) => args)).toEqual([
      ['Set-Cookie', ['s=; Path=/; Max-Age=0']],
    ]);
    expect(last(calls)).toEqual(['service.request.setHeaders', expect.objectContaining({ cookie: [] })]);
  });

  it('sets no headers of a request that the service gets as it is', async () => {
    const calls = await access({}, { identity_headers: [], hide_credentials: false });
    expect(calls.map(({ method }) => method)).toEqual(['request.getHeaders']);
  });

  it('does not end before the last call to Kong has: what Kong did not do did not happen', async () => {
    let finish: () => void = () => undefined;
    const slow = new Promise<void>((resolve) => (finish = resolve));
    let ended = false;
    const called = new Promise<void>((resolve) => {
      void access({
        'service.request.setHeaders': () => {
          resolve();
          return slow;
        },
      }).then(() => (ended = true));
    });
    await called;
    await new Promise(setImmediate);
    expect(ended).toBe(false);
    finish();
  });

  it.each([[undefined], [null], [{}], [{ issuers: [] }], ['text'], [{ issuers: [{ issuer: ISSUER }] }]])(
    'refuses every request under the configuration %j (G6)',
    async (config) => {
      const { kong, calls } = pluginKong({});
      await new Plugin(config).access(kong);
      expect(calls.map(({ method }) => method).at(-1)).toBe('response.exit');
      expect(calls.map(({ method }) => method)).not.toContain('service.request.setHeaders');
      expect(JSON.stringify(calls.at(-1)?.args)).toContain('configuration_error');
    },
  );
});

describe('the line that a refusal leaves in the log of Kong', () => {
  const told: PluginAnswers = {
    'router.getRoute': () => Promise.resolve({ id: 'r-id', name: 'orders' }),
    'router.getService': () => Promise.resolve({ id: 's-id', name: '' }),
  };
  const variables =
    (values: Readonly<Record<string, string>>) =>
    (name: unknown): Promise<unknown> =>
      Promise.resolve(values[String(name)]);
  const vars = { kong_request_id: '5d82cd7c', request_uri: '/orders' };
  const linesOf = (calls: readonly RecordedCall[]): unknown[] =>
    calls.filter(({ method }) => method === 'log.notice').map(({ args }) => args[0]);

  it('names the request, the route, the service, the code, the reason and the roles that are needed', async () => {
    const calls = await access(
      { ...told, 'nginx.getVar': variables(vars) },
      { authorize: [{ roles: ['root', 'ops'] }] },
    );
    expect(linesOf(calls)).toEqual([
      `request refused request_id=5d82cd7c route=orders service=s-id code=forbidden reason="authorize[1]: none of the roles" accepted="root, ops" issuer=${ISSUER} kid=k`,
    ]);
    expect(last(calls)).toEqual(['response.exit', 403]);
  });

  it('names the trace of the request, as the answer and the entry for log plugins do', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const answers = {
      ...told,
      'nginx.getVar': variables(vars),
      'request.getHeaders': () => Promise.resolve({ ...headers, traceparent: `00-${traceId}-00f067aa0ba902b7-01` }),
    };
    const calls = await access(answers, { authorize: [{ roles: ['root'] }] });
    expect(linesOf(calls)).toEqual([expect.stringContaining(` request_id=5d82cd7c trace_id=${traceId} route=orders `)]);
    expect(JSON.parse(calls.at(-1)!.args[1] as string)).toMatchObject({ request_id: '5d82cd7c', trace_id: traceId });
    const entries = calls.filter(({ method }) => method === 'log.setSerializeValue').map(({ args }) => args[1]);
    expect(entries).toEqual([expect.objectContaining({ code: 'forbidden', trace_id: traceId })]);
    const passing = await access(answers, { log_decisions: 'all' });
    expect(passing.find(({ method }) => method === 'log.setSerializeValue')?.args[1]).toMatchObject({
      code: 'proceed',
      trace_id: traceId,
    });
  });

  it('says which field makes a configuration unusable', async () => {
    const { kong, calls } = pluginKong({ ...told, 'nginx.getVar': variables(vars) });
    await new Plugin({ issuers: [{ issuer: ISSUER }] }).access(kong);
    expect(linesOf(calls).join()).toMatch(/code=configuration_error reason=".*config\.issuers\[1\]/);
  });

  it.each([
    ['a query, which may hold a token', '/orders?access_token=SECRET'],
    ['a request line that Kong does not tell', undefined],
  ])('is written to the log of the plugin server when the request has %s', async (_, target) => {
    stderr.mockClear();
    const answers = { 'nginx.getVar': variables({ ...vars, ...(target && { request_uri: target }) }) };
    if (target === undefined) answers['nginx.getVar'] = variables({ kong_request_id: '5d82cd7c' });
    const calls = await access({ ...told, ...answers }, { authorize: [{ roles: ['root'] }] });
    expect(linesOf(calls)).toEqual([]);
    const written = stderr.mock.calls.map(([line]) => String(line)).join('');
    expect(written).toContain('request refused request_id=5d82cd7c route=orders');
    expect(written).not.toContain('SECRET');
  });

  it('is not written for most requests of a flood, and costs those no question to Kong', async () => {
    const plugin = new Plugin({ issuers: [{ issuer: ISSUER, audiences: ['orders'], jwks: '{"keys":[]}' }] });
    const { kong, calls } = pluginKong({
      ...told,
      'request.getHeaders': () => Promise.resolve({}),
      'nginx.getVar': variables(vars),
    });
    for (let request = 0; request < 500; request += 1) await plugin.access(kong);
    const count = (method: string): number => calls.filter((call) => call.method === method).length;
    expect(count('response.exit')).toBe(500);
    expect(count('log.notice')).toBeLessThan(40);
    expect(count('router.getRoute')).toBe(count('log.notice'));
  });

  it.each(faults)('does not change the answer when Kong %s instead of writing it', async (_, fault) => {
    for (const method of ['log.notice', 'router.getRoute', 'router.getService']) {
      const answers = { ...told, 'nginx.getVar': variables(vars), [method]: fault };
      expect(last(await access(answers, { authorize: [{ roles: ['root'] }] }))).toEqual(['response.exit', 403]);
    }
  });
});
