import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose';
import {
  startIdentityProvider,
  type IdentityProvider,
} from '../../../examples/demo/identity-provider/identity-provider';
import { TOKEN_LIFETIME_SECONDS } from '../../../examples/demo/identity-provider/token-issuer';
import { findUser } from '../../../examples/demo/identity-provider/users';
import { send } from '../../../examples/demo/page/outgoing-request';

describe("the demo's identity provider", () => {
  let provider: IdentityProvider;
  let nowMs: number;
  beforeEach(async () => {
    nowMs = Date.now();
    provider = await startIdentityProvider(0, () => nowMs);
  });
  afterEach(() => provider.stop());

  const url = (path: string): string => `http://127.0.0.1:${provider.port}${path}`;
  const post = (path: string, form: Record<string, string> = {}): Promise<Response> =>
    fetch(url(path), { method: 'POST', body: new URLSearchParams(form) });
  const logIn = async (): Promise<string> => {
    const response = await post('/login', { user: 'bob', password: 'builder' });
    return ((await response.json()) as { access_token: string }).access_token;
  };
  const keySet = async (): Promise<JSONWebKeySet> => (await (await fetch(url('/jwks.json'))).json()) as JSONWebKeySet;
  const verify = async (token: string): Promise<unknown> =>
    (await jwtVerify(token, createLocalJWKSet(await keySet()), { currentDate: new Date(nowMs) })).payload;

  it('gives a token for a password, signed with a key of its key set', async () => {
    await expect(verify(await logIn())).resolves.toEqual({
      iss: url('/'),
      sub: 'bob',
      aud: 'shop',
      name: 'Bob Åström',
      roles: ['user', 'support'],
      jti: expect.stringMatching(/^[\da-f-]{36}$/),
      iat: Math.floor(nowMs / 1000),
      exp: Math.floor(nowMs / 1000) + TOKEN_LIFETIME_SECONDS,
    });
  });

  it('gives none for a wrong password or an unknown user, with the same answer', async () => {
    const answers = await Promise.all(
      [{ user: 'bob', password: '' }, { user: 'bob' }, { user: 'mallory', password: 'builder' }, {}].map(
        async (form) => {
          const response = await post('/login', form);
          return [response.status, await response.text()];
        },
      ),
    );
    expect(new Set(answers.map(String)).size).toBe(1);
    expect(answers[0]?.[0]).toBe(401);
  });

  it('lets its key set be kept for a while, and nothing else', async () => {
    expect((await fetch(url('/jwks.json'))).headers.get('cache-control')).toMatch(/^public, max-age=\d+$/);
    expect((await post('/login')).headers.get('cache-control')).toBe('no-store');
  });

  it('publishes no private key', async () => {
    for (const key of (await keySet()).keys) expect(key).not.toHaveProperty('d');
  });

  it('signs only with keys that were published before', async () => {
    for (let round = 0; round < 3; round += 1) {
      const published = (await keySet()).keys.map(({ kid }) => kid);
      await post('/rotate');
      const { kid } = decodeProtectedHeader(await logIn());
      expect(published).toContain(kid);
    }
  });

  it('keeps a key published until the tokens that it signed have expired', async () => {
    const token = await logIn();
    await post('/rotate');
    nowMs += TOKEN_LIFETIME_SECONDS * 1000 - 2000;
    await expect(verify(token)).resolves.toMatchObject({ sub: 'bob' });
    nowMs += 2000;
    expect((await keySet()).keys.map(({ kid }) => kid)).not.toContain(decodeProtectedHeader(token).kid);
  });

  it('takes back every key that signed when one was stolen', async () => {
    const tokens = [await logIn()];
    await post('/rotate');
    tokens.push(await logIn());
    await post('/rotate?stolen');
    for (const token of tokens) await expect(verify(token)).rejects.toThrow();
    await expect(verify(await logIn())).resolves.toMatchObject({ sub: 'bob' });
  });

  it('lists a token that is revoked until it expires, or until that is undone', async () => {
    const list = async (): Promise<unknown> =>
      ((await (await fetch(url('/revoked.json'))).json()) as { revocations: unknown }).revocations;
    const token = await logIn();
    const entry = { iss: url('/'), jti: decodeJwt(token).jti, exp: decodeJwt(token).exp };
    await expect(list()).resolves.toEqual([]);
    expect((await post('/revoke', { token })).status).toBe(200);
    await expect(list()).resolves.toEqual([entry]);
    await post('/revoke', { token, undo: '1' });
    await expect(list()).resolves.toEqual([]);
    await post('/revoke', { token });
    nowMs += (TOKEN_LIFETIME_SECONDS + 1) * 1000;
    await expect(list()).resolves.toEqual([]);
    expect((await post('/revoke', { token: 'no token' })).status).toBe(400);
  });

  it.each([
    ['expired', 'ERR_JWT_EXPIRED'],
    ['stranger', 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED'],
    ['unsigned', 'ERR_JWKS_NO_MATCHING_KEY'],
  ] as const)('makes a token that is wrong in one way only: %s', async (kind, code) => {
    const token = await provider.issue(findUser('alice')!, kind);
    const refusal: unknown = await verify(token).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: kind === 'unsigned' ? expect.any(String) : code });
  });

  it('does not answer to another name', async () => {
    const { status } = await send({
      port: provider.port,
      method: 'GET',
      target: '/jwks.json',
      headers: [['Host', 'evil.example']],
    });
    expect(status).toBe(421);
  });
});
