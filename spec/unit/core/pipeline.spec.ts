import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../schema/parse-config';
import { decide } from '../../../src/core/pipeline';
import { callerOf, type Decision, type Proceed } from '../../../src/core/decision';
import { Refusal } from '../../../src/core/refusal/refusal';
import type { RequestView } from '../../../src/core/request/request-view';
import { createTokenCache, type TokenCache } from '../../../src/core/verification/token-cache';
import { KeyList } from '../../support/key-list';
import { ISSUER, policyOf } from '../../support/policy';
import { signingKey, signToken, type SigningKey } from '../../support/tokens';
import { verifiedToken } from '../../support/verified';

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
      reason: 'claim roles with 2 items is too long for header X-User-Roles: 8 bytes, max_bytes is 7',
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

describe('a route that takes a cookie that is not valid for none', () => {
  const config = { allow_missing: true, cookie_names: ['session', '__Host-s'], on_invalid_cookie: 'anonymous' };
  const NOBODY = { outcome: 'proceed', token: undefined, headers: { cookie: [] } };

  it.each<[string, string, () => Promise<string>]>([
    ['is empty', 'credentials_malformed', () => Promise.resolve('session=')],
    ['is no JWT', 'token_malformed', () => Promise.resolve('session=deleted')],
    ['has expired', 'token_expired', async () => `session=${await token({ exp: NOW - 11 })}`],
    ['is for others', 'audience_not_accepted', async () => `session=${await token({ aud: 'x' })}`],
    ['lacks a part', 'credentials_malformed', () => Promise.resolve('session.1=abc')],
    [
      'is signed by a stranger',
      'token_untrusted',
      async () => `session=${await signToken(signingKey('ES256', 'k'), { iss: ISSUER.issuer, exp: NOW + 60 })}`,
    ],
  ])('lets nobody pass when the cookie %s, and removes it', async (_, code, cookie) => {
    const decision = await ask({ config, headers: { cookie: await cookie(), 'x-user-id': 'evil' } });
    expect(decision).toMatchObject({ ...NOBODY, headers: { 'x-user-id': [], cookie: [] }, ignored: { code } });
    expect((decision as Proceed).setCookies).toEqual([expect.stringMatching(/^session(\.1)?=; Path=\/; Max-Age=0$/)]);
    expect(decision).not.toHaveProperty('headers.X-User-ID');
    const strict = { ...config, on_invalid_cookie: 'refuse' };
    expect(await ask({ config: strict, headers: { cookie: await cookie() } })).toMatchObject({
      outcome: 'refuse',
      code,
    });
  });

  it('removes each cookie that the request has, also from a service that sees tokens, and no other', async () => {
    const headers = { cookie: 'a=1; __Host-s=x; session.0=x; session.0=x; session.1=y' };
    const decision = await ask({
      config: { ...config, hide_credentials: false },
      headers: { cookie: '__Host-s=x; a=1' },
    });
    expect(decision).toMatchObject({ headers: { cookie: 'a=1' }, ignored: { code: 'token_malformed' } });
    expect(decision).toMatchObject({ setCookies: ['__Host-s=; Path=/; Max-Age=0; Secure'] });
    expect(await ask({ config, headers })).toMatchObject({ code: 'tokens_conflict' });
  });

  it('knows a caller whose cookie is valid, and removes nothing then', async () => {
    const decision = await ask({ config, headers: { cookie: `session=${await token()}` } });
    expect(decision).toMatchObject({ outcome: 'proceed', headers: { 'X-User-ID': 'u1' } });
    expect(decision).not.toHaveProperty('setCookies');
  });

  it.each<[string, string, () => Promise<Asked>]>([
    ['the header is not valid', 'token_malformed', () => Promise.resolve({ headers: { authorization: 'Bearer x' } })],
    ['the header is malformed', 'credentials_malformed', () => Promise.resolve({ headers: { authorization: 'x' } })],
    [
      'the cookie is empty beside a good token in the header',
      'credentials_malformed',
      async () => ({ headers: { ...(await bearer()), cookie: 'session=' } }),
    ],
    [
      'the same expired token is in the header, too',
      'token_expired',
      async () => {
        const old = await token({ exp: NOW - 11 });
        return { headers: { authorization: `Bearer ${old}`, cookie: `session=${old}` } };
      },
    ],
    [
      'the query has a token that is not valid',
      'token_malformed',
      () => Promise.resolve({ config: { uri_param_names: ['t'] }, headers: { cookie: 'session=x' }, rawQuery: 't=x' }),
    ],
    [
      'two cookies hold different tokens',
      'tokens_conflict',
      async () => ({ headers: { cookie: `session=x; session=${await token()}` } }),
    ],
    [
      'the cookie is too large',
      'token_too_large',
      () => Promise.resolve({ headers: { cookie: `session=${'a'.repeat(9000)}` } }),
    ],
    [
      'a verified token lacks what a header needs',
      'claim_missing',
      async () => ({
        config: { required_claims: ['exp'] },
        headers: { cookie: `session=${await token({ sub: undefined })}` },
      }),
    ],
  ])('refuses all the same when %s', async (_, code, request) => {
    const asked = await request();
    const decision = await ask({ ...asked, config: { ...config, ...asked.config } });
    expect(decision).toMatchObject({ outcome: 'refuse', code });
  });

  it('lets nobody pass when the token in the cookie is revoked, and refuses it in a header', async () => {
    const revoked = new Refusal('token_revoked', 'a list names it');
    const policy = { ...policyOf(config, keys), revocation: () => revoked };
    const decideAbout = (headers: Record<string, string>): Promise<Decision> =>
      decide({ headers }, policy, cache, () => NOW);
    expect(await decideAbout({ cookie: `session=${await token()}` })).toMatchObject({
      ...NOBODY,
      ignored: { code: 'token_revoked' },
      setCookies: ['session=; Path=/; Max-Age=0'],
    });
    expect(await decideAbout(await bearer())).toMatchObject({ outcome: 'refuse', code: 'token_revoked' });
    policy.revocation = () => new Refusal('revocation_unavailable', 'no list');
    expect(await decideAbout({ cookie: `session=${await token()}` })).toMatchObject({ code: 'revocation_unavailable' });
  });

  it('refuses with 503 while the keys cannot be had', async () => {
    keys.answer = { status: 'unavailable', retryAfterSeconds: 1 };
    const decision = await ask({ config, headers: { cookie: `session=${await token()}` } });
    expect(decision).toMatchObject({ code: 'keys_unavailable' });
  });

  it('tries shadow rules on the request as on one without a token', async () => {
    const shadowed = { ...config, authorize_shadow: [{ any_identity: true }] };
    expect(await ask({ config: shadowed, headers: { cookie: 'session=' } })).toMatchObject({
      ...NOBODY,
      shadow: { code: 'token_missing' },
    });
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

  it('may say that it has no body', async () => {
    const decision = await ask({ config, method: 'OPTIONS', headers: { ...preflight, 'content-length': '0' } });
    expect(decision).toMatchObject({ outcome: 'proceed' });
  });

  it.each([
    ['another method', 'POST', preflight],
    ['an OPTIONS request without Origin', 'OPTIONS', { 'access-control-request-method': 'POST' }],
    ['an OPTIONS request without the requested method', 'OPTIONS', { origin: 'https://app' }],
    ['a request whose method is not known', undefined, preflight],
    ['an OPTIONS request with an empty Origin', 'OPTIONS', { ...preflight, origin: '' }],
    ['an OPTIONS request with a blank Origin', 'OPTIONS', { ...preflight, origin: ' ' }],
    ['an OPTIONS request with two Origins', 'OPTIONS', { ...preflight, origin: ['https://app', 'https://app'] }],
    ['an OPTIONS request that asks for no method', 'OPTIONS', { ...preflight, 'access-control-request-method': '' }],
    ['an OPTIONS request with a body', 'OPTIONS', { ...preflight, 'content-length': '1' }],
    ['an OPTIONS request with two lengths', 'OPTIONS', { ...preflight, 'content-length': ['0', '0'] }],
    ['an OPTIONS request with a body in chunks', 'OPTIONS', { ...preflight, 'transfer-encoding': 'chunked' }],
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

  it('share a verified token but write the identity each in its own way', async () => {
    const headers = await bearer();
    const config = { identity_headers: [{ header: 'X-User-ID', claim: 'iss' }] };
    expect(await ask({ headers })).toMatchObject({ headers: { 'X-User-ID': 'u1', 'X-User-Roles': 'admin,user' } });
    const other = (await ask({ config, headers })) as Proceed;
    expect(other.headers).toEqual({ 'X-User-ID': ISSUER.issuer, authorization: [] });
    expect(cache.size).toBe(1);
  });

  it('do not trust alike when their leeway differs', async () => {
    const headers = await bearer({ exp: NOW - 5 });
    expect(await ask({ headers })).toMatchObject({ outcome: 'proceed' });
    expect(await ask({ config: { leeway: 0 }, headers })).toMatchObject({ code: 'token_expired' });
  });
});

describe('a route that lets requests pass that another plugin authenticated', () => {
  const config = { allow_authenticated: true };
  const headers = { 'x-user-id': 'evil' };

  it('lets one without a token pass, stripped and without an identity', async () => {
    expect(await ask({ config, headers, isAuthenticated: true })).toEqual({
      outcome: 'proceed',
      headers: { 'x-user-id': [] },
      token: undefined,
    });
  });

  it('refuses one that nobody authenticated', async () => {
    expect(await ask({ config, headers, isAuthenticated: false })).toMatchObject({ code: 'token_missing' });
    expect(await ask({ config, headers })).toMatchObject({ code: 'token_missing' });
  });

  it('refuses a token that is not valid, whoever else vouches for the request (G5)', async () => {
    const broken = { authorization: 'Bearer x' };
    expect(await ask({ config, headers: broken, isAuthenticated: true })).toMatchObject({ code: 'token_malformed' });
  });

  it('is not every route', async () => {
    expect(await ask({ headers, isAuthenticated: true })).toMatchObject({ code: 'token_missing' });
  });
});

describe('a refusal of a caller who is known', () => {
  it.each([
    ['by a rule', { authorize: [{ roles: ['root'] }] }, {}, 'forbidden'],
    ['because of a claim for a header', {}, { roles: ['a,b'] }, 'claim_invalid'],
  ])('%s tells the log who it was', async (_, config, claims, code) => {
    const refusal = await ask({ config, method: 'GET', headers: await bearer(claims) });
    expect(refusal).toMatchObject({ code, token: { claims: { sub: 'u1' }, issuer: { issuer: ISSUER.issuer } } });
  });

  it('names no caller when the token has expired', async () => {
    const decision = await ask({ headers: await bearer({ exp: NOW - 11 }) });
    expect(decision).toMatchObject({ code: 'token_expired' });
    expect(callerOf(decision)).toBeUndefined();
  });
});

describe('rules that are only tried', () => {
  const shadowed = { authorize_shadow: [{ methods: ['GET'], roles: ['root'] }] };

  it('say what they would have refused, and change nothing else', async () => {
    const headers = await bearer();
    const { shadow, ...decision } = (await ask({ config: shadowed, method: 'GET', headers })) as Proceed;
    expect(shadow).toMatchObject({ code: 'forbidden', reason: 'authorize_shadow[1]: none of the roles' });
    expect(decision).toEqual(await ask({ method: 'GET', headers }));
  });

  it('say nothing when they would have let the request pass', async () => {
    const config = { authorize_shadow: [{ roles: ['admin'] }] };
    expect(await ask({ config, method: 'GET', headers: await bearer() })).not.toHaveProperty('shadow');
  });

  it('never admit what the rules in force refuse', async () => {
    const config = { authorize: [{ roles: ['root'] }], authorize_shadow: [{ any_identity: true }] };
    expect(await ask({ config, method: 'GET', headers: await bearer() })).toMatchObject({ code: 'forbidden' });
  });

  it('say that a token would be missing where none is asked for yet', async () => {
    const config = { allow_missing: true, ...shadowed };
    expect(await ask({ config, method: 'GET' })).toMatchObject({
      outcome: 'proceed',
      shadow: { code: 'token_missing' },
    });
  });

  it('neither refuse nor admit when they break', async () => {
    const policy = policyOf(shadowed, keys);
    const broken = { ...policy, shadow: { ...policy.shadow!, rules: null as never } };
    const headers = await bearer();
    expect(await decide({ headers, method: 'GET' }, broken, cache, () => NOW)).toMatchObject({
      outcome: 'proceed',
      headers: { 'X-User-ID': 'u1' },
      shadow: { code: 'internal_error' },
    });
    expect(await decide({ headers: {}, method: 'GET' }, broken, cache, () => NOW)).toMatchObject({
      code: 'token_missing',
    });
  });
});

describe('whoever watches a decision', () => {
  async function watch(asked: Asked): Promise<{ decision: Decision; findings: string[] }> {
    const findings: string[] = [];
    const { config = {}, headers = {}, ...request } = asked;
    const policy = policyOf(config, keys);
    const decision = await decide(
      { headers, ...request },
      policy,
      cache,
      () => NOW,
      (stage, finding) => {
        findings.push(`${stage}: ${finding}`);
      },
    );
    return { decision, findings };
  }
  const config = {
    maximum_expiration: 3600,
    cookie_names: ['c'],
    uri_param_names: ['t'],
    authorize: [{ methods: ['GET'], roles: ['admin'], scopes: ['read'], claims: [{ claim: 'tenant', one_of: ['a'] }] }],
    authorize_shadow: [{ roles: ['root'] }],
  };

  it('is told every step, in order, and gets the same decision', async () => {
    const jwt = await token({ iat: NOW - 60, scope: 'read', tenant: 'a' });
    const asked = {
      config,
      method: 'GET',
      rawQuery: `t=${jwt}`,
      headers: { authorization: `Bearer ${jwt}`, cookie: `c=${jwt}`, 'x-user-id': 'evil' },
    };
    const { decision, findings } = await watch(asked);
    expect(findings).toEqual([
      'request: headers that the client may not send: ["x-user-id"]',
      `token: found in the header authorization, ${jwt.length} bytes`,
      `token: found in the cookie c, ${jwt.length} bytes`,
      `token: found in the query parameter t, ${jwt.length} bytes`,
      'issuer: iss is "https://auth.example.com/"',
      'header: alg, kid and typ are "ES256", "k", not there',
      'key: of the issuer, kid "k", for ES256',
      'signature: made with this key',
      'claim: aud is "orders"; accepted: ["orders"]',
      'claim: required: exp, there',
      'claim: required: sub, there',
      'claim: exp - iat may be 3600 s',
      'claim: exp is 2027-01-15T08:01:00.000Z, 60 s ahead; leeway 10 s',
      'claim: iat is 2027-01-15T07:59:00.000Z, 60 s ago; leeway 10 s',
      'rule: authorize[1] decides GET',
      'rule: authorize[1]: one of the roles ["admin"]; the token has ["admin","user"]',
      'rule: authorize[1]: claim tenant by one_of; it is "a"',
      'rule: authorize[1]: all scopes of ["read"]; the token has ["read"]',
      'identity: X-User-ID from claim sub, which is "u1"',
      'identity: X-User-Roles from claim roles, which is ["admin","user"]',
      'shadow: authorize_shadow[1] decides GET',
      'shadow: authorize_shadow[1]: one of the roles ["root"]; the token has ["admin","user"]',
    ]);
    const { headers, rawQuery } = (await ask(asked)) as Proceed;
    expect(decision).toMatchObject({ outcome: 'proceed', headers, rawQuery });
    expect(findings.join()).not.toContain(jwt.split('.')[2]);
  });

  it('is told what was looked at before it was refused', async () => {
    const any = { issuers: [{ ...ISSUER, audiences: [], any_audience: true }], required_claims: ['exp', 'jti'] };
    const { decision, findings } = await watch({ config: any, headers: await bearer({ nbf: 'soon' }) });
    expect(decision).toMatchObject({ code: 'claim_invalid' });
    expect(findings.slice(-3)).toEqual([
      'claim: required: exp, there',
      'claim: required: jti, missing',
      'claim: exp is 2027-01-15T08:01:00.000Z, 60 s ahead; leeway 10 s',
    ]);
    expect(findings).toContain('claim: aud is "orders"; accepted: any');
  });

  it('is told of requests without a token', async () => {
    expect((await watch({})).findings).toEqual([
      'request: headers that the client may not send: none',
      'token: none; allow_missing is false',
    ]);
    const preflight = { origin: 'https://app', 'access-control-request-method': 'POST' };
    const asked = { config: { run_on_preflight: false }, method: 'OPTIONS', headers: preflight };
    expect((await watch(asked)).findings).toContain('request: is a CORS preflight, which needs no token here');
  });

  it('is told of rules that decide whatever the method is', async () => {
    const { findings } = await watch({ config: { authorize: [{ any_identity: true }] }, headers: await bearer() });
    expect(findings).toContain('rule: authorize[1] decides any method');
  });
});

describe('what a policy needs of a request', () => {
  it.each([
    [{}, false, false],
    [{ authorize: [{ any_identity: true }] }, true, false],
    [{ authorize_shadow: [{ any_identity: true }] }, true, false],
    [{ run_on_preflight: false }, true, false],
    [{ uri_param_names: ['access_token'] }, false, true],
  ])('is no more than %j asks for', (config, needsMethod, needsQuery) => {
    expect(policyOf(config, keys)).toMatchObject({ needsMethod, needsQuery });
  });

  it('compiles the claims that are handed to the rest of Kong', () => {
    const config = { authenticated_groups_claim: 'roles', log_user_claim: 'sub' };
    const { handOver } = policyOf(config, keys);
    const token = verifiedToken({ sub: 'u1', roles: ['a'] }, parseConfig({ issuers: [ISSUER], ...config }));
    expect(handOver.logUser?.(token)).toBe('u1');
    expect(handOver.groups?.read(token)).toEqual(['a']);
    expect(handOver.credential).toBeUndefined();
  });

  it('knows the realm, and a default for it', () => {
    expect(policyOf({}, keys).challenge).toEqual({ realm: 'service' });
    expect(policyOf({ realm: 'shop' }, keys).challenge).toEqual({ realm: 'shop' });
  });
});
