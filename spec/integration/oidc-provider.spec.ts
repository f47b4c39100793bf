import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { decodeProtectedHeader } from 'jose';
import { type EchoService, type Received, startEchoService } from '../support/echo-service';
import { type Kong, startKong } from '../support/kong';
import { describeKong } from '../support/kong-target';
import { OidcProvider } from '../support/oidc-provider';

/** Needs the build. */
describeKong('a real provider (oidc-provider) with its preset', () => {
  let provider: OidcProvider;
  let service: EchoService;
  let kong: Kong;

  beforeAll(async () => {
    [provider, service] = await Promise.all([OidcProvider.start(), startEchoService()]);
    // The cooldown lets a new key be found at once; the rest is the preset.
    const entry = { provider: 'oidc', issuer: provider.issuer, audiences: ['urn:orders'], key_fetch: { cooldown: 1 } };
    kong = await startKong({
      declarativeConfig: JSON.stringify({
        _format_version: '3.0',
        services: [{ name: 'orders', url: service.url, routes: [{ name: 'orders', paths: ['/'] }] }],
        plugins: [
          {
            name: 'jwt-identity',
            config: { issuers: [entry], worker_cache_ttl: 0, authorize: [{ scopes: ['orders:read'] }] },
          },
        ],
      }),
    });
  }, 120_000);
  afterAll(async () => {
    await Promise.all([kong.stop(), service.stop(), provider.stop()]);
  });

  const call = (token: string): Promise<Response> =>
    fetch(`${kong.proxyUrl}/orders`, { headers: { authorization: `Bearer ${token}` } });
  const userOf = async (response: Response): Promise<unknown> => {
    const answer = (await response.json()) as Partial<Received>;
    return answer.headers?.['x-user-id'] ?? answer;
  };
  const codeOf = async (response: Response): Promise<unknown> => ((await response.json()) as { code?: string }).code;
  /** Keys are fetched anew at most once a second here, by each worker process. */
  const callUntil = async (token: string, status: number): Promise<Response> => {
    for (;;) {
      const response = await call(token);
      if (response.status === status) return response;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  it('lets a user who logged in call, and tells the service who it is', async () => {
    const { tokens } = await provider.logIn('alice');
    const response = await callUntil(tokens.access_token, 200);
    expect(await userOf(response)).toEqual(['alice']);
  }, 60_000);

  it('lets a client call on its own', async () => {
    const response = await call((await provider.clientToken()).access_token);
    expect(response.status).toBe(200);
    expect(await userOf(response)).toEqual(['shop-web']);
  }, 60_000);

  it('rejects the ID token of the same login', async () => {
    const { tokens } = await provider.logIn('alice');
    const response = await call(tokens.id_token);
    expect(response.status).toBe(401);
    expect(await codeOf(response)).toBe('token_type_not_accepted');
  }, 60_000);

  it('follows a rotation of its keys, and drops a key that is published no longer', async () => {
    const before = (await provider.logIn('alice')).tokens.access_token;
    expect((await call(before)).status).toBe(200);

    await provider.tell('rotate');
    const after = (await provider.logIn('alice')).tokens.access_token;
    expect(decodeProtectedHeader(after).kid).not.toBe(decodeProtectedHeader(before).kid);
    expect(await userOf(await callUntil(after, 200))).toEqual(['alice']);
    expect((await callUntil(before, 200)).status).toBe(200);

    await provider.tell('forget');
    await provider.tell('rotate');
    const latest = (await provider.logIn('alice')).tokens.access_token;
    expect((await callUntil(latest, 200)).status).toBe(200);
    // The key of the first token was in no set that was fetched since.
    expect(await codeOf(await callUntil(before, 401))).toBe('token_untrusted');
  }, 120_000);

  it('gives no new code after the logout; the last access token is accepted until it expires', async () => {
    const { tokens, logOut, askAgain } = await provider.logIn('bob');
    expect(await askAgain()).toBeNull();
    expect(await logOut()).toContain('/bye');
    expect(await askAgain()).toBe('login_required');
    expect(await userOf(await callUntil(tokens.access_token, 200))).toEqual(['bob']);
  }, 60_000);
});
