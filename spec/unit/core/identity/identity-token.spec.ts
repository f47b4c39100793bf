import { beforeEach, describe, expect, it } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader, jwtVerify, type JWTPayload } from 'jose';
import { ConfigError } from '../../../../schema/config-error';
import type { Proceed } from '../../../../src/core/decision';
import { decide } from '../../../../src/core/pipeline';
import { requestHash } from '../../../../src/core/identity/identity-token';
import type { Policy } from '../../../../src/core/policy';
import type { RequestView } from '../../../../src/core/request/request-view';
import type { SigningKey } from '../../../../src/core/identity/signing-key';
import { createTokenCache, type TokenCache } from '../../../../src/core/verification/token-cache';
import { KeyList } from '../../../support/key-list';
import { ISSUER, policyOf } from '../../../support/policy';
import { signingKey, signToken } from '../../../support/tokens';

const NOW = 1_800_000_000.5;
const caller = signingKey('ES256', 'k');
const keys = new KeyList(caller);
const own = signingKey('EdDSA', 'own');
const other = signingKey('ES256', 'other');
const asSigningKey = ({ kid = '', alg, privateKey }: typeof own): SigningKey => ({
  kid,
  alg: alg as SigningKey['alg'],
  key: privateKey,
});

let now: number;
let current: SigningKey;
let cache: TokenCache;
beforeEach(() => {
  now = NOW;
  current = asSigningKey(own);
  cache = createTokenCache();
});

const SETTINGS = { issuer: 'https://gateway.test', audience: 'orders' };
const policyWith = (settings: object = {}, config: object = {}): Policy =>
  policyOf({ identity_token: { ...SETTINGS, ...settings }, ...config }, keys, () => current);
const bearer = async (changes: object = {}): Promise<Record<string, string>> => {
  const claims = { iss: ISSUER.issuer, sub: 'u1', aud: 'orders', exp: NOW + 600, roles: ['admin', 'user'], ...changes };
  return { authorization: `Bearer ${await signToken(caller, claims)}` };
};
async function issued(policy: Policy, headers: object, request: Partial<RequestView> = {}): Promise<string> {
  const decision = await decide({ headers: { ...headers }, ...request }, policy, cache, () => now);
  return (decision as Proceed).headers['X-Identity-Token'] as string;
}

describe('the identity token', () => {
  it('is a JWT of the gateway for one service with everything that was written about the caller', async () => {
    const jwt = await issued(policyWith(), await bearer());
    expect(decodeProtectedHeader(jwt)).toEqual({ typ: 'gateway-identity+jwt', alg: 'EdDSA', kid: 'own' });
    const { payload } = await jwtVerify(jwt, own.publicKey, { currentDate: new Date(NOW * 1000) });
    expect(payload).toEqual({
      iss: 'https://gateway.test',
      aud: 'orders',
      sub: 'u1',
      roles: ['admin', 'user'],
      iat: 1_800_000_000,
      exp: 1_800_000_030,
      identity_headers: { 'x-user-id': 'u1', 'x-user-roles': 'admin,user' },
    });
  });

  it('says of an anonymous request that it is the gateway’s, and nothing else', async () => {
    const jwt = await issued(policyWith({}, { allow_missing: true }), { 'x-user-id': 'evil' });
    expect(decodeJwt(jwt)).toMatchObject({ aud: 'orders', identity_headers: {} });
    expect(decodeJwt(jwt)).not.toHaveProperty('sub');
  });

  it('has no sub and no roles where the caller has none', async () => {
    const config = {
      required_claims: ['exp'],
      identity_headers: [{ header: 'X-User-ID', claim: 'uid', required: true }],
    };
    const headers = await bearer({ sub: 7, roles: [], uid: 'u1' });
    expect(Object.keys(decodeJwt(await issued(policyWith({}, config), headers)))).toEqual([
      ...['iss', 'aud', 'identity_headers', 'iat', 'exp'],
    ]);
  });

  it('replaces what a client sent in its place, in every spelling', async () => {
    const request = { headers: { ...(await bearer()), 'x-identity-token': 'evil', x_identity_token: 'evil' } };
    const { headers } = (await decide(request, policyWith(), cache, () => now)) as Proceed;
    expect(headers).toMatchObject({ x_identity_token: [] });
    expect(headers).not.toHaveProperty('x-identity-token');
    expect(decodeJwt(headers['X-Identity-Token'] as string)).toHaveProperty('sub', 'u1');
  });

  it('travels in another header where configured', async () => {
    const config = { reserved_headers: ['X-User-*', 'X-Proof'] };
    const request = { headers: await bearer() };
    const decision = await decide(request, policyWith({ header: 'X-Proof' }, config), cache, () => now);
    expect(decision).toHaveProperty('headers.X-Proof');
  });

  it.each([
    ['less long than the token of the caller is accepted', { exp: NOW + 5 }, 15.5 - 0.5 + 1],
    ['as long as configured with a token that never expires', { exp: undefined }, 30],
  ])('lives %s', async (_, claims, seconds) => {
    const jwt = await issued(policyWith({}, { required_claims: ['sub'] }), await bearer(claims));
    const { iat, exp } = decodeJwt(jwt) as Required<JWTPayload>;
    expect(exp - iat).toBe(seconds);
  });

  it('is still valid when it is made in the last moment of the caller’s token', async () => {
    now = NOW + 9.9;
    const jwt = await issued(policyWith(), await bearer({ exp: NOW }));
    expect(decodeJwt(jwt).exp).toBeGreaterThan(now);
  });
});

describe('signing', () => {
  it('is done once in half a lifetime for a caller', async () => {
    const policy = policyWith();
    const headers = await bearer();
    const first = await issued(policy, headers);
    now = NOW + 14.7;
    expect(await issued(policy, headers)).toBe(first);
    now = NOW + 15;
    const second = await issued(policy, headers);
    expect(decodeJwt(second).exp).toBe(1_800_000_045);
  });

  it('is done once for all anonymous requests', async () => {
    const policy = policyWith({}, { allow_missing: true });
    expect(await issued(policy, {})).toBe(await issued(policy, {}));
  });

  it('is never shared by callers, nor by services', async () => {
    const policy = policyWith();
    const [ada, bob] = [await bearer({ sub: 'ada' }), await bearer({ sub: 'bob' })];
    const made = [
      await issued(policy, ada),
      await issued(policy, bob),
      await issued(policyWith({ audience: 'billing' }), ada),
    ].map((jwt) => decodeJwt(jwt));
    expect(made.map(({ sub, aud }) => [sub, aud])).toEqual([
      ['ada', 'orders'],
      ['bob', 'orders'],
      ['ada', 'billing'],
    ]);
  });

  it('goes over to a new key', async () => {
    const policy = policyWith();
    await issued(policy, await bearer());
    current = asSigningKey(other);
    const jwt = await issued(policy, await bearer({ sub: 'u2' }));
    expect(decodeProtectedHeader(jwt)).toMatchObject({ alg: 'ES256', kid: 'other' });
    await jwtVerify(jwt, other.publicKey, { currentDate: new Date(NOW * 1000) });
  });

  it('that fails refuses the request, and is tried again', async () => {
    const policy = policyWith();
    const headers = await bearer();
    current = { ...current, key: own.publicKey };
    await expect(issued(policy, headers)).rejects.toThrow();
    current = asSigningKey(own);
    expect(decodeJwt(await issued(policy, headers))).toHaveProperty('sub', 'u1');
  });
});

describe('an identity token that is bound to its request', () => {
  const policy = (): Policy => policyWith({ bind_request: true });

  it('holds the hash of method and path, for every request anew', async () => {
    const headers = await bearer();
    // One policy, and so one memory of issued tokens.
    const bound = policy();
    const get = decodeJwt(await issued(bound, headers, { method: 'GET', path: '/orders' }));
    const post = decodeJwt(await issued(bound, headers, { method: 'POST', path: '/orders' }));
    expect(get['request_hash']).toBe(requestHash('GET', '/orders'));
    expect(post['request_hash']).toBe(requestHash('POST', '/orders'));
    expect(new Set([requestHash('GET', '/orders'), requestHash('POST', '/orders'), requestHash('GET', '/')]).size).toBe(
      3,
    );
  });

  it('is hashed as documented', () => {
    // printf 'GET\n/orders' | openssl dgst -sha256 -binary | basenc --base64url | tr -d =
    expect(requestHash('GET', '/orders')).toBe('rKPXcJ7r3t7eObNNsZcaYdg8ocMyEfUD5vilwYDxKsQ');
  });

  it.each([{ method: 'GET' }, { path: '/' }, {}])('is not made for what is known as %j only', async (request) => {
    await expect(issued(policy(), await bearer(), request)).rejects.toThrow('the request to bind to is not known');
  });

  it('needs method and path, which others do not', () => {
    expect(policy()).toMatchObject({ needsMethod: true, needsPath: true });
    expect(policyWith()).toMatchObject({ needsMethod: false, needsPath: false });
    expect(policyOf({}, keys)).toMatchObject({ needsMethod: false, needsPath: false, identityToken: undefined });
  });
});

describe('the time for which an answer with an identity token is repeated', () => {
  it.each([
    [10, 20, 5],
    [5, 60, 5],
    [0, 60, 0],
  ])('is the lesser of worker_cache_ttl %d s and a quarter of its lifetime of %d s', (ttl, lifetime, expected) => {
    expect(policyWith({ lifetime }, { worker_cache_ttl: ttl }).repeatSeconds).toBe(expected);
    expect(policyOf({ worker_cache_ttl: ttl }, keys).repeatSeconds).toBe(ttl);
  });
});

describe('a configuration with an identity token', () => {
  it('is refused without signing keys', () => {
    expect(() => policyOf({ identity_token: SETTINGS }, keys)).toThrow(
      new ConfigError('config.identity_token', 'needs signing keys'),
    );
    const none = (): never => {
      throw new Error('no keys');
    };
    expect(() => policyOf({ identity_token: SETTINGS }, keys, none)).toThrow('no keys');
  });

  it.each([
    ['is also an identity header', { header: 'X_User_ID' }, {}, 'is the same header as that of identity_headers[1]'],
    ['is not reserved', { header: 'X-Proof' }, {}, 'must be covered by reserved_headers'],
    ['is of the transport', { header: 'X-Forwarded-For' }, {}, 'must not be the transport or credential header'],
  ])('is refused when its header %s', (_, settings, config, message) => {
    expect(() => policyWith(settings, config)).toThrow(`config.identity_token.header: ${message}`);
  });

  it.each([
    ['without an issuer', { issuer: undefined }],
    ['without an audience', { audience: undefined }],
    ['with a lifetime of an hour', { lifetime: 3600 }],
  ])('is refused %s', (_, settings) => {
    expect(() => policyWith(settings)).toThrow(ConfigError);
  });
});
