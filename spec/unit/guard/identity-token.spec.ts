import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../schema/config-error';
import { requestHash } from '../../../src/core/identity/identity-token';
import { createGuard } from '../../../src/guard/guard';
import { gatewayIdentityToken, type IdentityTokenOptions } from '../../../src/guard/identity-token';
import { publicJwk, segment, signingKey, signToken, type SigningKey } from '../../support/tokens';

const GATEWAY = { issuer: 'https://gateway.test', audience: 'orders' };
const TYP = 'gateway-identity+jwt';
const key = signingKey('EdDSA', 'g');
const stranger = signingKey('EdDSA', 'g');
const secret = { ...signingKey('HS256', 'g') };

let folder: string;
let jwksFile: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'guard-'));
  jwksFile = join(folder, 'jwks.json');
  writeFileSync(jwksFile, JSON.stringify({ keys: [publicJwk(key)] }));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const NOW = Math.floor(Date.now() / 1000);
const ADA = { 'X-User-ID': 'ada', 'X-User-Roles': 'admin' };
const SIGNED = { 'x-user-id': 'ada', 'x-user-roles': 'admin' };
const CLAIMS = { iss: GATEWAY.issuer, aud: GATEWAY.audience, iat: NOW, exp: NOW + 300, identity_headers: SIGNED };
const mint = (claims: object = {}, header: object = {}, by: SigningKey = key): Promise<string> =>
  signToken(by, { ...CLAIMS, ...claims }, { typ: TYP, ...header });

/** What a guarded service answers to headers. */
async function ask(
  headers: Record<string, string>,
  options: Partial<IdentityTokenOptions> = {},
  { method = 'GET', url = 'http://service/orders?x' } = {},
): Promise<unknown> {
  const guard = createGuard({ proofs: [gatewayIdentityToken({ ...GATEWAY, jwksFile, ...options })] });
  const route = guard.route((_, identity) => Response.json(identity ?? null));
  const response = await route(new Request(url, { method, headers }), undefined);
  const body = (await response.json()) as { code?: string } | null;
  return response.status === 200 ? body : body?.code;
}
const withToken = (jwt: string, headers: Record<string, string> = ADA): Record<string, string> => ({
  ...headers,
  'X-Identity-Token': jwt,
});

describe('a service that wants a signed identity', () => {
  it('takes the gateway’s word', async () => {
    expect(await ask(withToken(await mint()))).toMatchObject({ id: 'ada', roles: ['admin'] });
    expect(await ask(withToken(await mint({ identity_headers: {} }), {}))).toBeNull();
  });

  it('refuses a direct call with forged headers', async () => {
    expect(await ask(ADA)).toBe('not_from_gateway');
    expect(await ask({})).toBe('not_from_gateway');
  });

  it.each<[string, object, Record<string, string>]>([
    ['another id', {}, { ...ADA, 'X-User-ID': 'eve' }],
    ['more roles', {}, { ...ADA, 'X-User-Roles': 'admin,root' }],
    ['a header that was not signed', {}, { ...ADA, 'X-User-Name': 'Eve' }],
    ['a header less', {}, { 'X-User-ID': 'ada' }],
    ['an identity to the token of an anonymous request', { identity_headers: {} }, ADA],
    [
      'another value for a signed header that the service does not map',
      { identity_headers: { ...SIGNED, 'x-user-tenant': 'acme' } },
      { ...ADA, 'X-User-Tenant': 'evil' },
    ],
  ])('refuses a genuine token with %s', async (_, claims, headers) => {
    expect(await ask(withToken(await mint(claims), headers))).toBe('not_from_gateway');
  });

  it.each<[string, () => Promise<string>]>([
    ['is signed by a stranger', () => mint({}, {}, stranger)],
    ['is signed with a secret', () => mint({}, {}, secret)],
    ['names another key', () => mint({}, { kid: 'x' })],
    ['is not signed', () => Promise.resolve(`${segment({ alg: 'none', typ: TYP })}.${segment(CLAIMS)}.`)],
    ['is an access token', () => mint({}, { typ: 'at+jwt' })],
    ['does not say what it is', () => mint({}, { typ: undefined })],
    ['is for another service', () => mint({ aud: 'billing' })],
    ['is of another gateway', () => mint({ iss: 'https://other.test' })],
    ['has expired', () => mint({ iat: NOW - 60, exp: NOW - 6 })],
    ['is of the future', () => mint({ iat: NOW + 60, exp: NOW + 90 })],
    ['never expires', () => mint({ exp: undefined })],
    ['lives for long', () => mint({ exp: NOW + 301 })],
    ['holds no headers', () => mint({ identity_headers: undefined })],
    ['holds headers that are none', () => mint({ identity_headers: { 'x-user-id': ['ada'] } })],
    ['holds a list of headers', () => mint({ identity_headers: ['x-user-id'] })],
    ['is junk', () => Promise.resolve('junk')],
    ['is two', async () => `${await mint()}, ${await mint()}`],
  ])('refuses a token that %s', async (_, jwt) => {
    expect(await ask(withToken(await jwt()))).toBe('not_from_gateway');
  });

  it.each([[null], [''], ['ada'], [7], [[]]])(
    'refuses a token that holds %j instead of headers, also when the request has no identity header',
    async (held) => {
      expect(await ask(withToken(await mint({ identity_headers: held }), {}))).toBe('not_from_gateway');
    },
  );

  it('refuses a request with several tokens, also when each is good', async () => {
    const proof = gatewayIdentityToken({ ...GATEWAY, jwksFile });
    const jwt = await mint();
    const withLines = (...lines: readonly string[]): unknown =>
      proof({ method: 'GET', path: '/orders', socket: undefined, headers: () => lines });
    expect(await withLines(jwt)).toMatchObject({ signed: new Map(Object.entries(SIGNED)) });
    expect(await withLines(jwt, jwt)).toMatchObject({ code: 'not_from_gateway', reason: 'several identity tokens' });
    expect(await withLines(jwt, 'junk')).toMatchObject({ code: 'not_from_gateway' });
  });

  it('takes the word of a gateway that signs with ES256', async () => {
    const ec = signingKey('ES256', 'e');
    const file = join(folder, 'ec.json');
    writeFileSync(file, JSON.stringify({ keys: [publicJwk(ec)] }));
    expect(await ask(withToken(await mint({}, {}, ec)), { jwksFile: file })).toMatchObject({ id: 'ada' });
  });

  it('refuses an algorithm that no gateway signs with, also when the key is in its set', async () => {
    const rsa = signingKey('RS256', 'r');
    const file = join(folder, 'rsa.json');
    writeFileSync(file, JSON.stringify({ keys: [publicJwk(key), publicJwk(rsa)] }));
    expect(await ask(withToken(await mint({}, {}, rsa)), { jwksFile: file })).toBe('not_from_gateway');
    expect(await ask(withToken(await mint()), { jwksFile: file })).toMatchObject({ id: 'ada' });
  });

  it('lets clocks differ a little', async () => {
    const jwt = await mint({ iat: NOW - 60, exp: NOW - 4 });
    expect(await ask(withToken(jwt), { leewaySeconds: 30 })).toMatchObject({ id: 'ada' });
    expect(await ask(withToken(jwt), { leewaySeconds: 0 })).toBe('not_from_gateway');
  });

  it('reads the token from the header that the gateway uses', async () => {
    const headers = { ...ADA, 'X-Proof': await mint() };
    expect(await ask(headers, { header: 'X-Proof' })).toMatchObject({ id: 'ada' });
  });

  it('cannot tell who is right when the keys are not to be had', async () => {
    // Nothing listens on this port of this machine.
    const keys = { jwksFile: undefined, jwksUri: 'http://127.0.0.1:1/jwks.json' } as unknown as IdentityTokenOptions;
    expect(await ask(withToken(await mint()), keys)).toBe('keys_unavailable');
  });
});

describe('a token that is bound to its request', () => {
  const bound = (method: string, path: string): Promise<string> => mint({ request_hash: requestHash(method, path) });

  it('is good for this request', async () => {
    const headers = withToken(await bound('GET', '/orders'));
    expect(await ask(headers)).toMatchObject({ id: 'ada' });
    expect(await ask(headers, { requireBinding: true })).toMatchObject({ id: 'ada' });
  });

  it('is good for no other, also when no binding is asked for', async () => {
    expect(await ask(withToken(await bound('GET', '/orders/1')))).toBe('not_from_gateway');
    expect(await ask(withToken(await bound('POST', '/orders')))).toBe('not_from_gateway');
  });

  it('is good for no other when this service has just verified it', async () => {
    const guard = createGuard({ proofs: [gatewayIdentityToken({ ...GATEWAY, jwksFile })] });
    const route = guard.route((_, identity) => Response.json(identity ?? null));
    const headers = withToken(await bound('GET', '/orders'));
    const statusOf = async (method: string, path: string): Promise<number> =>
      (await route(new Request(`http://service${path}`, { method, headers }), undefined)).status;
    expect(await statusOf('GET', '/orders')).toBe(200);
    expect(await statusOf('GET', '/orders/1')).toBe(403);
    expect(await statusOf('POST', '/orders')).toBe(403);
    expect(await statusOf('GET', '/orders?x')).toBe(200);
  });

  it('is good for no request when its hash is not a text', async () => {
    expect(await ask(withToken(await mint({ request_hash: null })))).toBe('not_from_gateway');
  });

  it('is the only one that is good where binding is asked for', async () => {
    expect(await ask(withToken(await mint()), { requireBinding: true })).toBe('not_from_gateway');
  });
});

describe('the options of a signed identity', () => {
  it.each<[string, Partial<IdentityTokenOptions>, string]>([
    ['neither file nor address', {}, 'jwksUri: give either this or jwksFile'],
    ['both', { jwksFile: '/x', jwksUri: 'https://g/jwks' }, 'jwksUri: give either this or jwksFile'],
    ['plain http from elsewhere', { jwksUri: 'http://gateway.test/jwks' }, 'must be https:'],
    [
      'a file of authorities that is not there',
      { jwksUri: 'https://g/jwks', caFile: '/nowhere/ca.pem' },
      'ca_file: the',
    ],
    ['a leeway of an hour', { jwksUri: 'https://g/jwks', leewaySeconds: 3600 }, 'leewaySeconds: must be from 0 to 60'],
    ['a negative leeway', { jwksUri: 'https://g/jwks', leewaySeconds: -1 }, 'leewaySeconds: must be from 0 to 60'],
    ['a leeway that is none', { jwksUri: 'https://g/jwks', leewaySeconds: NaN }, 'leewaySeconds: must be from 0 to 60'],
  ])('cannot be %s', (_, options, message) => {
    expect(() => gatewayIdentityToken({ ...GATEWAY, ...options })).toThrow(ConfigError);
    expect(() => gatewayIdentityToken({ ...GATEWAY, ...options })).toThrow(message);
  });

  it.each([0, 60])('may be a leeway of %d seconds', (leewaySeconds) => {
    const options = { ...GATEWAY, jwksUri: 'https://g/jwks', leewaySeconds };
    expect(gatewayIdentityToken(options)).toBeInstanceOf(Function);
  });

  it('may be plain http when that is said out loud', () => {
    const options = { ...GATEWAY, jwksUri: 'http://gateway.test/jwks', allowHttp: true };
    expect(gatewayIdentityToken(options)).toBeInstanceOf(Function);
  });
});
