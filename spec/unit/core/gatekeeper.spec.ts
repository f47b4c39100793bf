import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { decide } from '../../../src/core/gatekeeper';
import type { Decision } from '../../../src/core/decision';
import type { RequestView } from '../../../src/core/request-view';
import { createTokenCache, type TokenCache } from '../../../src/core/token-cache';
import { KeyList } from '../../support/key-list';
import { ISSUER, policyOf } from '../../support/policy';
import { signingKey, signToken, type SigningKey } from '../../support/tokens';

const NOW = 1_800_000_000;
let key: SigningKey;
let keys: KeyList;
let cache: TokenCache;
beforeAll(() => {
  key = signingKey('ES256', 'k');
});
beforeEach(() => {
  keys = new KeyList(key);
  cache = createTokenCache();
});

const token = (changes: Readonly<Record<string, unknown>> = {}): Promise<string> =>
  signToken(key, { iss: ISSUER.issuer, sub: 'u1', aud: 'orders', exp: NOW + 60, roles: ['admin', 'user'], ...changes });

interface Asked extends Partial<RequestView> {
  readonly config?: Readonly<Record<string, unknown>>;
}
async function ask({ config = {}, headers = {}, ...request }: Asked): Promise<Decision> {
  return decide({ headers, ...request }, policyOf(config, keys), cache, () => NOW);
}
const bearer = async (changes?: Readonly<Record<string, unknown>>): Promise<Record<string, string>> => ({
  authorization: `Bearer ${await token(changes)}`,
});

describe('a request with a good token', () => {
  it('proceeds with the identity in headers and without the token', async () => {
    expect(await ask({ headers: { host: 'x', accept: '*/*', ...(await bearer()) } })).toMatchObject({
      outcome: 'proceed',
      headers: { 'X-User-ID': 'u1', 'X-User-Roles': 'admin,user', authorization: [] },
    });
  });

  it('is not asked for its audience when any is accepted', async () => {
    const config = { issuers: [{ ...ISSUER, audiences: [], any_audience: true }] };
    expect(await ask({ config, headers: await bearer({ aud: undefined }) })).toMatchObject({ outcome: 'proceed' });
  });

  it('keeps the token in the request when the configuration says so', async () => {
    const decision = await ask({ config: { hide_credentials: false }, headers: await bearer() });
    expect(decision).toMatchObject({ outcome: 'proceed', headers: { 'X-User-ID': 'u1' } });
    expect(decision).not.toHaveProperty('headers.authorization');
  });

  it('loses every forged identity header, whatever its spelling, and sets each name once', async () => {
    const forged = { 'x-user-id': 'evil', x_user_id: 'evil', 'x-user_id': ['evil', 'worse'], 'x-user-email': 'e@vil' };
    const decision = await ask({ headers: { ...(await bearer()), ...forged } });
    expect(decision).toMatchObject({
      headers: {
        'X-User-ID': 'u1',
        'X-User-Roles': 'admin,user',
        x_user_id: [],
        'x-user_id': [],
        'x-user-email': [],
        authorization: [],
      },
    });
    expect(Object.keys((decision as { headers: object }).headers)).toHaveLength(6);
  });

  it('loses a forged header whose claim the token does not have', async () => {
    const decision = await ask({ headers: { ...(await bearer({ roles: undefined })), 'x-user-roles': 'admin' } });
    expect(decision).toMatchObject({ outcome: 'proceed', headers: { 'x-user-roles': [] } });
    expect(decision).not.toHaveProperty('headers.X-User-Roles');
  });

  it('loses the token from cookies and query as well', async () => {
    const config = { cookie_names: ['session'], uri_param_names: ['access_token'] };
    const jwt = await token();
    const decision = await ask({
      config,
      headers: { cookie: `a=1; session=${jwt}` },
      rawQuery: `x=1&access_token=${jwt}`,
    });
    expect(decision).toMatchObject({ headers: { cookie: 'a=1' }, rawQuery: 'x=1' });
  });
});

describe('a claim that cannot be written into a header', () => {
  it('refuses the request when it is required and missing', async () => {
    expect(
      await ask({ config: { required_claims: ['exp'] }, headers: await bearer({ sub: undefined }) }),
    ).toMatchObject({
      code: 'claim_missing',
      reason: 'claim sub for header X-User-ID',
    });
    expect(await ask({ headers: await bearer({ sub: '' }) })).toMatchObject({ code: 'claim_missing' });
  });

  it('refuses the request when it is unsafe or too long, and cuts nothing', async () => {
    expect(await ask({ headers: await bearer({ roles: ['a,b'] }) })).toMatchObject({ code: 'claim_invalid' });
    const config = { identity_headers: [{ header: 'X-User-Roles', claim: 'roles', max_bytes: 7 }] };
    expect(await ask({ config, headers: await bearer({ roles: ['abc', 'def'] }) })).toMatchObject({
      headers: { 'X-User-Roles': 'abc,def' },
    });
    expect(await ask({ config, headers: await bearer({ roles: ['abc', 'defg'] }) })).toMatchObject({
      code: 'claim_invalid',
      reason: 'claim roles is too long for header X-User-Roles',
    });
  });
});

describe('a request that is refused', () => {
  it.each<[string, string, () => Promise<Asked>]>([
    [
      'sends more headers than Kong hands out',
      'headers_truncated',
      () => Promise.resolve({ headers: { h: Array<string>(1000).fill('') } }),
    ],
    ['has no token', 'token_missing', () => Promise.resolve({})],
    ['has a broken token', 'token_malformed', () => Promise.resolve({ headers: { authorization: 'Bearer x' } })],
    ['has malformed credentials', 'credentials_malformed', () => Promise.resolve({ headers: { authorization: 'x' } })],
    ['has an expired token', 'token_expired', async () => ({ headers: await bearer({ exp: NOW - 11 }) })],
    ['has a token for others', 'audience_not_accepted', async () => ({ headers: await bearer({ aud: 'x' }) })],
    [
      'may not do this',
      'forbidden',
      async () => ({ config: { authorize: [{ roles: ['root'] }] }, method: 'GET', headers: await bearer() }),
    ],
    [
      'abuses the Connection header',
      'connection_header_abuse',
      async () => ({ headers: { ...(await bearer()), connection: 'x-user-id' } }),
    ],
  ])('%s', async (_, code, request) => {
    expect(await ask(await request())).toMatchObject({ outcome: 'refuse', code });
  });
});

describe('a route that lets requests without a token pass', () => {
  const config = { allow_missing: true };

  it('strips and does not identify them', async () => {
    expect(await ask({ config, headers: { 'x-user-id': 'evil', x_user_roles: 'admin' } })).toEqual({
      outcome: 'proceed',
      headers: { 'x-user-id': [], x_user_roles: [] },
      token: undefined,
    });
  });

  it.each([
    ['broken', 'Bearer x', 'token_malformed'],
    ['empty', '', 'credentials_malformed'],
    ['bare', 'a.b.c', 'credentials_malformed'],
  ])('still refuses a token that is %s: an invalid token is not an absent one', async (_, authorization, code) => {
    expect(await ask({ config, headers: { authorization } })).toMatchObject({ code });
  });

  it('still identifies a caller with a token', async () => {
    expect(await ask({ config, headers: await bearer() })).toMatchObject({ headers: { 'X-User-ID': 'u1' } });
  });
});

describe('a CORS preflight', () => {
  const preflight = { origin: 'https://app', 'access-control-request-method': 'POST', 'x-user-id': 'evil' };
  const config = { run_on_preflight: false };

  it('is asked for a token by default', async () => {
    expect(await ask({ method: 'OPTIONS', headers: preflight })).toMatchObject({ code: 'token_missing' });
  });

  it('passes stripped when the configuration says so, with whatever token it carries', async () => {
    const decision = await ask({ config, method: 'OPTIONS', headers: { ...preflight, authorization: 'Bearer x' } });
    expect(decision).toEqual({ outcome: 'proceed', headers: { 'x-user-id': [], authorization: [] }, token: undefined });
  });

  it.each([
    ['another method', 'POST', preflight],
    ['an OPTIONS request without Origin', 'OPTIONS', { 'access-control-request-method': 'POST' }],
    ['an OPTIONS request without the requested method', 'OPTIONS', { origin: 'https://app' }],
    ['a request whose method is not known', undefined, preflight],
  ])('is not %s', async (_, method, headers) => {
    expect(await ask({ config, headers, ...(method !== undefined && { method }) })).toMatchObject({
      code: 'token_missing',
    });
  });
});

describe('two routes that trust alike', () => {
  it('share a verified token but never each other’s rules', async () => {
    const headers = await bearer();
    expect(await ask({ headers })).toMatchObject({ outcome: 'proceed' });
    const lenient = { authorize: [{ roles: ['admin'] }] };
    expect(await ask({ config: lenient, method: 'GET', headers })).toMatchObject({ outcome: 'proceed' });
    const strict = { authorize: [{ roles: ['root'] }] };
    expect(await ask({ config: strict, method: 'GET', headers })).toMatchObject({ code: 'forbidden' });
    expect(keys.lookups).toBe(1);
  });

  it.each([
    ['audiences', { issuers: [{ ...ISSUER, audiences: ['billing'] }] }, 'audience_not_accepted'],
    ['required claims', { required_claims: ['exp', 'sub', 'jti'] }, 'claim_missing'],
    ['token types', { token_types: ['at+jwt'] }, 'token_type_not_accepted'],
    ['lifetime', { maximum_expiration: 1 }, 'claim_missing'],
    ['algorithms', { issuers: [{ ...ISSUER, algorithms: ['RS256'] }] }, 'token_untrusted'],
  ])('do not trust alike when their %s differ', async (_, config, code) => {
    const headers = await bearer();
    expect(await ask({ headers })).toMatchObject({ outcome: 'proceed' });
    expect(await ask({ config, headers })).toMatchObject({ code });
  });
});

describe('what a policy needs of a request', () => {
  it.each([
    [{}, false, false],
    [{ authorize: [{ any_identity: true }] }, true, false],
    [{ run_on_preflight: false }, true, false],
    [{ uri_param_names: ['access_token'] }, false, true],
  ])('is no more than %j asks for', (config, needsMethod, needsQuery) => {
    expect(policyOf(config, keys)).toMatchObject({ needsMethod, needsQuery });
  });

  it('compiles the claims that are handed to the rest of Kong', () => {
    const { handOver } = policyOf({ authenticated_groups_claim: 'roles' }, keys);
    expect(handOver.groups?.({ roles: ['a'] })).toEqual(['a']);
    expect(handOver.credential).toBeUndefined();
  });

  it('knows the realm, and a default for it', () => {
    expect(policyOf({}, keys).realm).toBe('service');
    expect(policyOf({ realm: 'shop' }, keys).realm).toBe('shop');
  });
});
