import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Plugin } from '../../../plugin/jwt-identity/index';
import { pluginKong, type PluginAnswers, type RecordedCall } from '../../support/plugin-kong';
import { publicJwk, signingKey, signToken, type SigningKey } from '../../support/tokens';

const ISSUER = 'https://auth.example.com/';
const ALICE = { id: 'b32379d9-3d28-5683-a79c-72139be6e34f', username: 'alice', custom_id: 'al' };
const CREDENTIAL = { id: 'd8f0c8a7-6d43-4d5c-8d27-0d3b5b0f2f10', consumer_id: ALICE.id };
let key: SigningKey;
beforeAll(() => {
  key = signingKey('ES256', 'k');
});

// What the plugin logs goes to stderr, which is Kong's error log.
const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
afterAll(() => {
  stderr.mockRestore();
});

interface Asked {
  readonly config?: object;
  /** `null`: no token. */
  readonly claims?: object | null;
  readonly headers?: Readonly<Record<string, string>>;
  readonly answers?: PluginAnswers;
}
async function access({ config = {}, claims = {}, headers = {}, answers = {} }: Asked): Promise<RecordedCall[]> {
  const jwks = JSON.stringify({ keys: [publicJwk(key)] });
  const plugin = new Plugin({ issuers: [{ issuer: ISSUER, audiences: ['orders'], jwks }], ...config });
  const exp = Math.floor(Date.now() / 1000) + 300;
  const all = { iss: ISSUER, sub: 'alice', aud: 'orders', exp, roles: ['admin', 'user'], ...claims };
  const token = claims === null ? undefined : `Bearer ${await signToken(key, all)}`;
  const sent = { ...headers, ...(token !== undefined && { authorization: token }) };
  const { kong, calls } = pluginKong({
    'request.getHeaders': () => Promise.resolve(sent),
    'request.getMethod': () => Promise.resolve('GET'),
    ...answers,
  });
  await plugin.access(kong);
  return calls;
}
const argsOf = (calls: readonly RecordedCall[], method: string): readonly unknown[] | undefined =>
  calls.find((call) => call.method === method)?.args;
const headersOf = (calls: readonly RecordedCall[]): unknown => argsOf(calls, 'service.request.setHeaders')?.[0];
const answer = (value: unknown) => () => Promise.resolve(value);
const earlier = (consumer: unknown, credential: unknown): PluginAnswers => ({
  'client.getConsumer': answer(consumer),
  'client.getCredential': answer(credential),
});

describe('groups for acl', () => {
  const config = { authenticated_groups_claim: 'roles' };

  it.each([
    [
      ['admin', 'user'],
      ['admin', 'user'],
    ],
    ['admin', ['admin']],
    [undefined, []],
    [{ admin: true }, []],
    [{ admin: { 'org-1': 'a.test' }, none: {} }, ['admin']],
    [['admin', 7, ['x']], ['admin']],
  ])('are the strings of %j, also when there are none', async (roles, groups) => {
    const calls = await access({ config: { ...config, identity_headers: [] }, claims: { roles } });
    expect(argsOf(calls, 'ctx.shared.set')).toEqual(['authenticated_groups', groups]);
  });

  it.each([[['a, admin']], [['a\nb']]])(
    'refuse the request when acl could write them misleadingly: %j',
    async (roles) => {
      const calls = await access({ config: { ...config, identity_headers: [] }, claims: { roles } });
      expect(argsOf(calls, 'response.exit')?.[1]).toContain('claim_invalid');
      expect(argsOf(calls, 'ctx.shared.set')).toBeUndefined();
    },
  );

  it('are not set for a request without a token', async () => {
    expect(argsOf(await access({ config: { ...config, allow_missing: true }, claims: null }), 'ctx.shared.set')).toBe(
      undefined,
    );
  });
});

describe('a consumer', () => {
  const config = { consumer_claim: 'sub' };

  it.each([
    ['by username', {}, {}, ['alice', true]],
    ['by id', { consumer_by: 'id' }, { sub: ALICE.id }, [ALICE.id, false]],
  ])('is found %s and told to Kong and to the service', async (_, by, claims, asked) => {
    const answers = { 'client.loadConsumer': answer(ALICE) };
    const calls = await access({ config: { ...config, ...by }, claims, answers });
    expect(argsOf(calls, 'client.loadConsumer')).toEqual(asked);
    expect(argsOf(calls, 'client.authenticate')).toEqual([ALICE, null]);
    expect(headersOf(calls)).toMatchObject({
      'X-Consumer-ID': ALICE.id,
      'X-Consumer-Username': 'alice',
      'X-Consumer-Custom-ID': 'al',
    });
  });

  it.each(['alice', '', ALICE.id.slice(1), `${ALICE.id}0`, ALICE.id.replaceAll('-', '')])(
    'is not looked for by an id that is no UUID, on which Kong fails: %j',
    async (sub) => {
      const answers = { 'client.loadConsumer': answer({ ...ALICE, id: sub }) };
      const calls = await access({ config: { ...config, consumer_by: 'id' }, claims: { sub }, answers });
      expect(argsOf(calls, 'client.loadConsumer')).toBeUndefined();
      expect(argsOf(calls, 'response.exit')).toBeDefined();
    },
  );

  it('has no header for what it does not have', async () => {
    const answers = { 'client.loadConsumer': answer({ id: ALICE.id, username: 'alice', custom_id: '' }) };
    expect(headersOf(await access({ config, answers }))).toMatchObject({ 'X-Consumer-Custom-ID': [] });
  });

  const unknown: [string, object, unknown][] = [
    ['is not there', {}, undefined],
    ['is an empty message', {}, {}],
    ['is another one', {}, { ...ALICE, username: 'bob' }],
    ['is not named by the token', { sub: ['alice'] }, ALICE],
  ];

  it.each(unknown)('that %s refuses the request', async (_, claims, consumer) => {
    const calls = await access({
      config: { ...config, identity_headers: [] },
      claims,
      answers: { 'client.loadConsumer': answer(consumer) },
    });
    expect(argsOf(calls, 'response.exit')?.[1]).toContain('consumer_unknown');
    expect(argsOf(calls, 'client.authenticate')).toBeUndefined();
  });

  it.each(unknown)('that %s is nobody when it is optional', async (_, claims, consumer) => {
    const calls = await access({
      config: { ...config, consumer_optional: true, identity_headers: [] },
      claims,
      headers: { 'x-consumer-username': 'root' },
      answers: { 'client.loadConsumer': answer(consumer) },
    });
    expect(argsOf(calls, 'response.exit')).toBeUndefined();
    expect(argsOf(calls, 'client.authenticate')).toBeUndefined();
    expect(headersOf(calls)).toMatchObject({ 'x-consumer-username': [] });
  });
});

describe('a number that JSON does not carry exactly', () => {
  it.each([[2 ** 53], [-(2 ** 53)], [1e300], [1.5]])('is no credential: %d', async (account) => {
    const calls = await access({ config: { credential_claim: 'account' }, claims: { account } });
    expect(argsOf(calls, 'nginx.setCtx')).toBeUndefined();
    expect(argsOf(calls, 'response.exit')).toBeUndefined();
  });

  it.each([[2 ** 53], [-(2 ** 53)], [1e300], [1.5]])('is no consumer: %d', async (account) => {
    const answers = { 'client.loadConsumer': answer({ ...ALICE, username: String(account) }) };
    const calls = await access({ config: { consumer_claim: 'account' }, claims: { account }, answers });
    expect(argsOf(calls, 'client.loadConsumer')).toBeUndefined();
    expect(argsOf(calls, 'response.exit')?.[1]).toContain('consumer_unknown');
  });

  it('is told from one that JSON does carry', async () => {
    const account = 2 ** 53 - 1;
    const calls = await access({ config: { credential_claim: 'account' }, claims: { account } });
    expect(argsOf(calls, 'nginx.setCtx')).toEqual(['authenticated_credential', { id: '9007199254740991' }]);
  });
});

describe('a caller whom another plugin of Kong found before', () => {
  // What key-auth leaves behind: its headers in the request, consumer and credential in Kong's context.
  const theirs = {
    'x-consumer-id': ALICE.id,
    'x-consumer-username': 'alice',
    'x-consumer-custom-id': 'al',
    'x-credential-identifier': CREDENTIAL.id,
  };
  const rewritten = {
    'X-Consumer-ID': ALICE.id,
    'X-Consumer-Username': 'alice',
    'X-Consumer-Custom-ID': 'al',
    'X-Credential-Identifier': CREDENTIAL.id,
  };

  it('is kept beside the identity of the token', async () => {
    const calls = await access({ headers: theirs, answers: earlier(ALICE, CREDENTIAL) });
    expect(headersOf(calls)).toEqual({
      'X-User-ID': 'alice',
      'X-User-Roles': 'admin,user',
      ...rewritten,
      authorization: [],
    });
    expect(argsOf(calls, 'nginx.setCtx')).toBeUndefined();
  });

  it('loses what the client forged, since Kong is asked and not the headers', async () => {
    const forged = { 'x-consumer-id': 'evil', 'x-anonymous-consumer': 'false', x_consumer_username: 'evil' };
    expect(headersOf(await access({ headers: forged, answers: earlier(null, {}) }))).toEqual({
      'X-User-ID': 'alice',
      'X-User-Roles': 'admin,user',
      'x-consumer-id': [],
      'x-anonymous-consumer': [],
      x_consumer_username: [],
      authorization: [],
    });
  });

  it('is asked for only when one of Kong’s headers is there', async () => {
    const calls = await access({ headers: { 'x-user-id': 'evil' } });
    expect(calls.map(({ method }) => method)).toEqual(['request.getHeaders', 'service.request.setHeaders']);
  });

  it('gives way to the consumer of the token', async () => {
    const bob = { ...ALICE, id: 'c0ffee00-3d28-5683-a79c-72139be6e34f', username: 'bob' };
    const calls = await access({
      config: { consumer_claim: 'sub' },
      claims: { sub: 'bob' },
      headers: theirs,
      answers: { ...earlier(ALICE, CREDENTIAL), 'client.loadConsumer': answer(bob) },
    });
    expect(argsOf(calls, 'client.authenticate')).toEqual([bob, null]);
    expect(headersOf(calls)).toMatchObject({ 'X-Consumer-Username': 'bob', 'x-credential-identifier': [] });
  });

  it('is forgotten when it was the anonymous consumer: a verified caller is not anonymous', async () => {
    const headers = { 'x-consumer-id': ALICE.id, 'x-consumer-username': 'alice', 'x-anonymous-consumer': 'true' };
    const calls = await access({ headers, answers: earlier(ALICE, null) });
    expect(argsOf(calls, 'nginx.setCtx')).toEqual(['authenticated_consumer', false]);
    expect(headersOf(calls)).toMatchObject({
      'x-consumer-id': [],
      'x-consumer-username': [],
      'x-anonymous-consumer': [],
    });
  });

  it('lets a request without a token pass where that is enough', async () => {
    const config = { allow_authenticated: true };
    const calls = await access({ config, claims: null, headers: theirs, answers: earlier(ALICE, CREDENTIAL) });
    expect(headersOf(calls)).toEqual(rewritten);
  });

  it.each([
    ['nobody', null, null],
    ['the anonymous consumer', ALICE, {}],
    ['somebody without an id', ALICE, { id: '', consumer_id: ALICE.id }],
  ])('does not when it was %s', async (_, consumer, credential) => {
    const config = { allow_authenticated: true };
    const calls = await access({ config, claims: null, headers: theirs, answers: earlier(consumer, credential) });
    expect(argsOf(calls, 'response.exit')?.[0]).toBe(401);
  });
});

describe('a request without a token that may pass', () => {
  const config = { allow_missing: true };

  it.each([
    ['allow_missing', { allow_missing: true }],
    ['allow_missing and a short list of reserved headers', { allow_missing: true, reserved_headers: ['X-Tenant'] }],
    ['allow_authenticated', { allow_authenticated: true }],
  ])('is not called anonymous when Kong knows its credential and no header says so: %s', async (_, open) => {
    const calls = await access({ config: open, claims: null, answers: earlier(ALICE, CREDENTIAL) });
    expect(headersOf(calls)).toEqual({
      'X-Consumer-ID': ALICE.id,
      'X-Consumer-Username': 'alice',
      'X-Consumer-Custom-ID': 'al',
      'X-Credential-Identifier': CREDENTIAL.id,
    });
  });

  it('cannot bring a mark of its own, whatever reserved_headers lists', async () => {
    const headers = { x_anonymous_consumer: 'false', 'x-consumer-username': 'root', 'x-authenticated-groups': 'admin' };
    const calls = await access({ config: { ...config, reserved_headers: ['X-Tenant'] }, claims: null, headers });
    expect(headersOf(calls)).toEqual({
      x_anonymous_consumer: [],
      'x-consumer-username': [],
      'x-authenticated-groups': [],
      'X-Anonymous-Consumer': 'true',
    });
  });

  it('is marked for the service', async () => {
    const calls = await access({ config, claims: null, headers: { 'x-user-id': 'evil' } });
    expect(headersOf(calls)).toEqual({ 'x-user-id': [], 'X-Anonymous-Consumer': 'true' });
  });

  it('keeps the anonymous consumer that another plugin set', async () => {
    const headers = { 'x-consumer-username': 'alice', 'x-anonymous-consumer': 'true' };
    expect(headersOf(await access({ config, claims: null, headers, answers: earlier(ALICE, null) }))).toEqual({
      'X-Consumer-ID': ALICE.id,
      'X-Consumer-Username': 'alice',
      'X-Consumer-Custom-ID': 'al',
      'X-Anonymous-Consumer': 'true',
    });
  });
});

describe('what log plugins show', () => {
  const entry = (calls: readonly RecordedCall[]): unknown => argsOf(calls, 'log.setSerializeValue');
  const who = { issuer: ISSUER, kid: 'k' };

  it('is a refusal with its reason, told before the request ends', async () => {
    const calls = await access({ config: { authorize: [{ roles: ['root'] }] } });
    expect(entry(calls)).toEqual([
      'jwt_identity',
      { outcome: 'refuse', code: 'forbidden', reason: 'authorize[1]: none of the roles', status: 403, ...who },
    ]);
    expect(calls.map(({ method }) => method)).toEqual([
      'request.getHeaders',
      'request.getMethod',
      'service.request.setHeaders',
      'log.setSerializeValue',
      'nginx.getVar',
      'router.getRoute',
      'router.getService',
      'nginx.getVar',
      'response.exit',
    ]);
  });

  it('says nothing of a caller who could not be verified', async () => {
    expect(entry(await access({ claims: { aud: 'billing' } }))).toEqual([
      'jwt_identity',
      { outcome: 'refuse', code: 'audience_not_accepted', reason: 'aud names none of the audiences', status: 401 },
    ]);
  });

  it('names the caller only when asked to', async () => {
    const config = { authorize: [{ roles: ['root'] }], log_user_claim: 'sub' };
    expect(entry(await access({ config }))?.[1 as never]).toMatchObject({ user: 'alice' });
    expect(entry(await access({ config, claims: { sub: 7 } }))?.[1 as never]).toMatchObject({ user: 7 });
    const unusable = entry(await access({ config: { ...config, log_user_claim: 'roles' } }));
    expect(unusable?.[1 as never]).not.toHaveProperty('user');
  });

  it('is what rules that are only tried would have refused', async () => {
    expect(entry(await access({ config: { authorize_shadow: [{ scopes: ['x'] }] } }))).toEqual([
      'jwt_identity',
      {
        outcome: 'proceed',
        code: 'proceed',
        ...who,
        shadow: { code: 'insufficient_scope', reason: 'authorize_shadow[1]: a scope is missing' },
      },
    ]);
  });

  it.each([
    ['none', undefined, undefined],
    ['refused', undefined, 'forbidden'],
    ['all', 'proceed', 'forbidden'],
  ])('is chosen by log_decisions: %s', async (logDecisions, good, bad) => {
    const config = { log_decisions: logDecisions };
    const code = (calls: readonly RecordedCall[]): unknown =>
      (entry(calls) as [string, { code: string }] | undefined)?.[1].code;
    expect(code(await access({ config }))).toBe(good);
    expect(code(await access({ config: { ...config, authorize: [{ roles: ['root'] }] } }))).toBe(bad);
  });

  it('says that a caller is anonymous', async () => {
    const calls = await access({ config: { allow_missing: true, log_decisions: 'all' }, claims: null });
    expect(entry(calls)).toEqual(['jwt_identity', { outcome: 'proceed', code: 'anonymous' }]);
  });

  it.each([
    ['throws', () => Promise.reject(new Error('x'))],
    [
      'rejects',
      () => {
        throw new Error('x');
      },
    ],
  ])('never keeps a refusal from being one: Kong %s', async (_, fault) => {
    const calls = await access({ claims: null, answers: { 'log.setSerializeValue': fault } });
    expect(argsOf(calls, 'response.exit')?.[0]).toBe(401);
  });
});

describe('a gRPC call', () => {
  it.each([
    ['application/grpc', 'application/grpc'],
    ['application/grpc+proto', 'application/grpc'],
    ['Application/gRPC; charset=x', 'application/grpc'],
    ['application/grpc-web', 'application/problem+json'],
    ['application/json', 'application/problem+json'],
  ])('with content type %s is refused as %s', async (sent, answered) => {
    const calls = await access({ claims: null, headers: { 'content-type': sent } });
    expect(argsOf(calls, 'response.exit')?.[2]).toMatchObject({ 'Content-Type': answered });
  });
});
