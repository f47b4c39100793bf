import { createHmac } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { decide } from '../../../src/core/pipeline';
import { Refusal } from '../../../src/core/refusal/refusal';
import { refusalResponse } from '../../../src/core/refusal/refusal-response';
import type { RequestView } from '../../../src/core/request/request-view';
import { LOGOUT_EVENT } from '../../../src/core/verification/security-event';
import { createTokenCache, type TokenCache } from '../../../src/core/verification/token-cache';
import { selectKey } from '../../../src/keys/key-selection';
import { KeyList } from '../../support/key-list';
import { ISSUER, policyOf, SHARED_SECRET } from '../../support/policy';
import { publicJwk, segment, signingKey, signToken, type SigningKey } from '../../support/tokens';

const NOW = 1_800_000_000;
const claims = { iss: ISSUER.issuer, sub: 'u1', aud: 'orders', exp: NOW + 60, roles: ['user'] };
let key: SigningKey;
beforeAll(() => {
  key = signingKey('ES256', 'k');
});

interface Asked {
  readonly headers?: RequestView['headers'];
  readonly token?: string;
  readonly method?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly keys?: KeyList;
  readonly cache?: TokenCache;
}
async function ask({ headers = {}, token, method = 'GET', config = {}, keys, cache }: Asked): Promise<unknown> {
  const sent = { ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) };
  const policy = policyOf(config, keys ?? new KeyList(key));
  const decision = await decide({ headers: sent, method }, policy, cache ?? createTokenCache(), () => NOW);
  return decision instanceof Refusal ? decision.code : decision.headers;
}
const sign = (changes: object = {}, header: Record<string, unknown> = {}): Promise<string> =>
  signToken(key, { ...claims, ...changes }, header);

describe('identity headers', () => {
  const forged = {
    'x-user-id': 'evil',
    x_user_id: 'evil',
    'x-user_id': ['evil', 'evil,worse'],
    'x-user-roles': 'admin,root',
    'x-consumer-id': 'evil',
    x_consumer_username: 'evil',
    'x-consumer-custom-id': 'evil',
    x_consumer_groups: 'admin',
    'x-credential-identifier': 'evil',
    'x-anonymous-consumer': 'true',
    x_anonymous_consumer: 'false',
    'x-authenticated-scope': 'admin',
    'x-authenticated-userid': 'evil',
    x_authenticated_groups: 'admin',
  };
  const stripped = Object.fromEntries(Object.keys(forged).map((name) => [name, []]));

  it('from a client never pass where requests without a token do (A1, A2, A3, A11)', async () => {
    expect(await ask({ headers: forged, config: { allow_missing: true } })).toEqual(stripped);
  });

  it('are removed under any name, also one that means something in JavaScript', async () => {
    const headers = JSON.parse('{"__proto__": "evil"}') as Record<string, string>;
    const config = { reserved_headers: ['X-User-*', '--proto-*'] };
    const changes = (await ask({ headers, config, token: await sign() })) as object;
    expect(Object.entries(changes)).toContainEqual(['__proto__', []]);
  });

  it.each<[string, string, RequestView['headers']]>([
    ['a GET', 'GET', {}],
    ['a HEAD', 'HEAD', {}],
    ['an OPTIONS', 'OPTIONS', { origin: 'https://a', 'access-control-request-method': 'PUT' }],
    ['a method that nobody knows', 'PURGE', {}],
    ['a WebSocket handshake', 'GET', { connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-key': 'AA==' }],
    ['a gRPC call', 'POST', { 'content-type': 'application/grpc', te: 'trailers', trailer: 'X-User-ID' }],
    ['an HTTP/2 request', 'GET', { ':authority': 'shop', cookie: ['a=1', 'b=2'] }],
  ])('are written and stripped alike on %s (A12)', async (_, method, headers) => {
    const { 'x-user-id': id, 'x-user-roles': roles, ...others } = stripped;
    expect([id, roles]).toEqual([[], []]);
    const expected = { ...others, 'X-User-ID': 'u1', 'X-User-Roles': 'user', authorization: [] };
    for (const config of [{}, { authorize: [{ any_identity: true }] }]) {
      expect(await ask({ headers: { ...headers, ...forged }, token: await sign(), method, config })).toEqual(expected);
    }
  });

  it.each<[string, unknown, unknown]>([
    ['a list', ['a', 'b'], 'a,b'],
    ['one string', 'a', 'a'],
    ['nothing', undefined, undefined],
    ['null', null, undefined],
    ['an empty list', [], undefined],
    ['a list in a list', [['a']], '["a"]'],
    ['a list of two in a list', [['a', 'b']], 'claim_invalid'],
    ['an object', { admin: true }, '{"admin":true}'],
    ['a list with a comma in an item', ['a,b'], 'claim_invalid'],
    ['a list with an empty item', ['a', '', null], 'a'],
    ['a list of empty items', ['', null], undefined],
    ['names of an object', { admin: { 'org-1': 'a.test' }, user: { 'org-2': 'b.test' } }, 'admin,user'],
    ['an LDAP name', ['CN=admins,OU=groups,DC=a'], 'CN=admins%2COU=groups%2CDC=a'],
    ['an LDAP name that hides a role', ['CN=x\\,admin,DC=a'], 'claim_invalid'],
    ['an LDAP name with a piece that is no attribute', ['CN=x,admin'], 'claim_invalid'],
    ['a list with a line end in an item', ['a\r\nX-User-ID: root'], 'claim_invalid'],
  ])('hold roles that are %s so that no two become one, nor one two (A6, A8, A9)', async (_, roles, expected) => {
    const result = await ask({ token: await sign({ roles }) });
    expect(typeof result === 'string' ? result : (result as Record<string, unknown>)['X-User-Roles']).toEqual(expected);
  });

  it('hold roles from where Keycloak puts them (A9)', async () => {
    const config = {
      identity_headers: [
        { header: 'X-User-ID', claim: 'sub' },
        { header: 'X-User-Roles', claim: '/realm_access/roles' },
        { header: 'X-User-Orders', claim: '/resource_access/orders~1api/roles' },
      ],
    };
    const token = await sign({
      realm_access: { roles: ['a'] },
      resource_access: { 'orders/api': { roles: ['b', 'c'] } },
    });
    expect(await ask({ config, token })).toMatchObject({ 'X-User-Roles': 'a', 'X-User-Orders': 'b,c' });
  });

  it('are never shortened: a list of roles that does not fit is refused whole (A7, A10)', async () => {
    const roles = Array.from({ length: 3000 }, (_, index) => `role-${index}`);
    const config = { max_token_bytes: 65_536 };
    expect(await ask({ config, token: await sign({ roles }) })).toBe('claim_invalid');
    expect(await ask({ config, token: await sign({ sub: 'x'.repeat(40_000) }) })).toBe('claim_invalid');
  });
});

describe('a key that a token asks for', () => {
  it.each([
    ['a path', '../../etc/passwd'],
    ['a URL', 'https://evil.example/key'],
    ['SQL', "' OR 1=1 --"],
    ['10 KB long', 'k'.repeat(10_000)],
    ['something inherited', '__proto__'],
    ['a method', 'toString'],
    ['empty', ''],
    ['the right one with a blank', 'k '],
    ['the right one in another case', 'K'],
    ['the right one with NUL', 'k\0'],
  ])('is not found when its kid is %s (C7)', async (_, kid) => {
    const find = jest.fn((request: Parameters<typeof selectKey>[1]) => selectKey(new KeyList(key).keys, request));
    const keys = Object.assign(new KeyList(key), { find });
    expect(await ask({ token: await sign({}, { kid }), config: { max_token_bytes: 65_536 }, keys })).toBe(
      'token_untrusted',
    );
    expect(find).toHaveBeenCalledTimes(1);
  });

  it('is one of the three that fit when it names none; of four, none is tried (C8)', async () => {
    const token = await sign({}, { kid: undefined });
    const select = (...held: readonly SigningKey[]): KeyList => {
      const keys = new KeyList(...held);
      return Object.assign(keys, { find: (request: Parameters<typeof selectKey>[1]) => selectKey(keys.keys, request) });
    };
    expect(await ask({ token, keys: select(key, signingKey('RS256', 'r')) })).toHaveProperty('X-User-ID', 'u1');
    const others = ['l', 'm', 'n'].map((kid) => signingKey('ES256', kid));
    expect(await ask({ token, keys: select(...others.slice(0, 2), key) })).toHaveProperty('X-User-ID', 'u1');
    expect(await ask({ token, keys: select(...others) })).toBe('token_untrusted');
    expect(await ask({ token, keys: select(key, ...others) })).toBe('token_untrusted');
  });
});

describe('a genuine token that is none for this', () => {
  it.each<[string, object, Record<string, unknown>, string]>([
    ['an ID token', { aud: 'web-client', nonce: 'n', at_hash: 'h' }, { typ: 'JWT' }, 'audience_not_accepted'],
    ['a refresh token of Keycloak', { aud: ISSUER.issuer, typ: 'Refresh' }, { typ: 'JWT' }, 'audience_not_accepted'],
    ['a logout token', { events: {}, sid: 's' }, { typ: 'logout+jwt' }, 'token_type_not_accepted'],
    ['a security event', { events: {} }, { typ: 'secevent+jwt' }, 'token_type_not_accepted'],
    [
      'a logout token that says nothing of its type',
      { events: { [LOGOUT_EVENT]: {} }, sid: 's' },
      { typ: 'JWT' },
      'token_type_not_accepted',
    ],
    [
      'a security event without a type',
      { events: { 'urn:ietf:params:scim:event:create': {} } },
      {},
      'token_type_not_accepted',
    ],
    ['a DPoP proof', { htm: 'GET', htu: 'https://a' }, { typ: 'dpop+jwt' }, 'token_type_not_accepted'],
    ['a client assertion', { aud: `${ISSUER.issuer}token` }, { typ: 'JWT' }, 'audience_not_accepted'],
    ['an introspection response', {}, { typ: 'token-introspection+jwt' }, 'token_type_not_accepted'],
  ])('is refused: %s (D6)', async (_, changes, header, code) => {
    expect(await ask({ token: await sign(changes, header) })).toBe(code);
  });

  it('is refused when a DPoP proof brings its own key, and when a proof is signed with that key (C5, D6)', async () => {
    const own = signingKey('ES256', 'k');
    const jwk = publicJwk(own);
    expect(await ask({ token: await signToken(own, claims, { typ: 'dpop+jwt', jwk }) })).toBe(
      'token_type_not_accepted',
    );
    expect(await ask({ token: await signToken(own, claims, { jwk }) })).toBe('token_untrusted');
  });
});

describe('a subject', () => {
  it.each<[string, string, unknown]>([
    ['a number, as JSON writes it', '42', '42'],
    ['a number that is written in another way', '4.2e1', '42'],
    ['an integer beyond 2^53', '9007199254740993', 'claim_invalid'],
    ['beyond what a double holds', '1e400', 'claim_invalid'],
    ['null', 'null', 'claim_missing'],
    ['false', 'false', 'false'],
    ['a blank', '" "', '%20'],
    ['text with a NUL', '"a\\u0000"', 'claim_invalid'],
    ['text with half a surrogate pair', '"\\ud83d"', 'claim_invalid'],
    ['text beyond ASCII', '"Zoë"', 'Zo%C3%AB'],
    ['text that looks encoded', '"%61"', '%2561'],
  ])('is %s (C11, A7)', async (_, sub, expected) => {
    const others = JSON.stringify({ ...claims, sub: undefined });
    const payload = segment(`{"sub":${sub},${others.slice(1)}`);
    const secret = signingKey('HS256', 'k');
    const input = `${segment({ alg: 'HS256', kid: 'k' })}.${payload}`;
    const token = `${input}.${createHmac('sha256', secret.privateKey).update(input).digest('base64url')}`;
    const result = await ask({ token, keys: new KeyList(secret), config: SHARED_SECRET });
    expect(typeof result === 'string' ? result : (result as Record<string, unknown>)['X-User-ID']).toBe(expected);
  });
});

describe('the cache', () => {
  const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551');

  it('does not take the other signature of ECDSA, which is as good, for the one it knows (C12)', async () => {
    const token = await sign();
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const bytes = Buffer.from(signature, 'base64url');
    const s = ORDER - BigInt(`0x${bytes.subarray(32).toString('hex')}`);
    const other = Buffer.concat([bytes.subarray(0, 32), Buffer.from(s.toString(16).padStart(64, '0'), 'hex')]);
    const cache = createTokenCache();
    const keys = new KeyList(key);
    for (const text of [token, `${header}.${payload}.${other.toString('base64url')}`]) {
      expect(await ask({ token: text, cache, keys })).toHaveProperty('X-User-ID', 'u1');
    }
    expect(keys.lookups).toBe(2);
    expect(cache.size).toBe(2);
  });

  it('takes no room for a flood of tokens that are not genuine (F4)', async () => {
    const cache = createTokenCache();
    for (let i = 0; i < 200; i += 1) {
      await ask({ token: `${segment({ alg: 'ES256', kid: `k${i}` })}.${segment({ ...claims, i })}.AAAA`, cache });
    }
    expect(cache.size).toBe(0);
  });
});

describe('an answer', () => {
  it('is the same, byte for byte, whatever about issuer, algorithm, key or signature is not trusted (H2)', async () => {
    const other = signingKey('ES256', 'k');
    const tokens = [
      await sign({ iss: 'https://evil.example/' }),
      await sign({ iss: undefined }),
      await sign({}, { kid: 'unknown' }),
      await signToken(other, claims),
      await signToken(signingKey('RS256', 'k'), claims),
      `${(await sign()).split('.').slice(0, 2).join('.')}.${Buffer.alloc(64).toString('base64url')}`,
      `${segment({ alg: 'none' })}.${segment(claims)}.AAAA`,
      `${segment({ alg: 'HS256', kid: 'k' })}.${segment(claims)}.AAAA`,
    ];
    const answers = new Set<string>();
    for (const token of tokens) {
      const request = { headers: { authorization: `Bearer ${token}` } };
      const decision = await decide(request, policyOf({}, new KeyList(key)), createTokenCache(), () => NOW);
      expect(decision).toBeInstanceOf(Refusal);
      answers.add(JSON.stringify(refusalResponse(decision as Refusal, { realm: 'service' })));
      // H1: the log is told which, but nothing of the token.
      expect((decision as Refusal).reason).not.toMatch(/u1|evil|unknown|eyJ/);
    }
    expect(answers.size).toBe(1);
  });

  it('about a claim is only given to who holds a genuine token (H2)', async () => {
    const forge = (changes: object): string =>
      `${segment({ alg: 'ES256', kid: 'k' })}.${segment({ ...claims, ...changes })}.AAAA`;
    for (const changes of [{ exp: 1 }, { nbf: NOW + 1e6 }, { aud: 'x' }, { sub: undefined }, { roles: ['a,b'] }]) {
      expect(await ask({ token: forge(changes) })).toBe('token_untrusted');
    }
  });
});

describe('an HMAC', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is compared by WebCrypto, in constant time, and by nothing of ours (H5)', async () => {
    const verify = jest.spyOn(globalThis.crypto.subtle, 'verify');
    const sign = jest.spyOn(globalThis.crypto.subtle, 'sign');
    const secret = signingKey('HS256', 'k');
    const token = await signToken(secret, claims);
    sign.mockClear();
    expect(await ask({ token, keys: new KeyList(secret), config: SHARED_SECRET })).toHaveProperty('X-User-ID', 'u1');
    expect(await ask({ token: token.replace(/.{4}$/, 'AAAA'), keys: new KeyList(secret), config: SHARED_SECRET })).toBe(
      'token_untrusted',
    );
    expect(verify.mock.calls.map(([algorithm]) => (algorithm as { name: string }).name)).toEqual(['HMAC', 'HMAC']);
    expect(sign).not.toHaveBeenCalled();
  });
});
