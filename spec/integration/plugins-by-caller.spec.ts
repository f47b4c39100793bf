import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type EchoService, startEchoService } from '../support/echo-service';
import { type Kong, startKong } from '../support/kong';
import { describeKong, kongTarget } from '../support/kong-target';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const key = signingKey('ES256', 'k1');
const trust = {
  issuers: [{ issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
};
const plugin = (config: object = {}): object => ({ name: 'jwt-identity', config: { ...trust, ...config } });
const cache = (config: object = {}): object => ({
  name: 'proxy-cache',
  config: { strategy: 'memory', content_type: ['application/json'], cache_ttl: 60, ...config },
});
const byHeaders = cache({ vary_headers: ['X-User-ID', 'X-User-Roles'] });
const uses = { name: 'response-ratelimiting', config: { limits: { video: { hour: 2 } }, policy: 'local' } };
const session = {
  name: 'session',
  config: { secret: 'a secret for this spec', cookie_secure: false, storage: 'cookie' },
};
const consumer = { consumer_claim: 'sub' };
const route = (name: string, ...plugins: object[]): object => ({ name, paths: [`/${name}`], plugins });

// The development gateway has none of these plugins; docs/DEVELOPMENT-GATEWAY.md lists those that it has.
const hasThem = kongTarget !== 'embedded';
const itOnKong = hasThem ? it : it.skip;

describeKong('bundled plugins that tell callers apart', () => {
  let service: EchoService;
  let kong: Kong;

  beforeAll(async () => {
    if (!hasThem) return;
    service = await startEchoService((_, response) => {
      response.setHeader('X-Kong-Limit', 'video=1');
      return false;
    });
    const routes = [
      route('cached', plugin(), cache()),
      route('cached-by-headers', plugin({ allow_missing: true }), byHeaders),
      route('cached-by-consumer', plugin(consumer), cache()),
      route('uses', plugin(), uses),
      route('uses-by-credential', plugin({ credential_claim: 'sub' }), uses),
      route('uses-by-consumer', plugin(consumer), uses),
      route('session', session, plugin({ ...consumer, credential_claim: 'sub' })),
      route('session-or-token', session, plugin({ ...consumer, credential_claim: 'sub', allow_authenticated: true })),
      route('no-session', session, plugin(consumer)),
      route('by-entry', plugin(consumer)),
      route('by-entry-of-nobody', plugin({ credential_claim: 'sub' })),
    ];
    kong = await startKong({
      declarativeConfig: JSON.stringify({
        _format_version: '3.0',
        consumers: [
          { username: 'alice' },
          { username: 'bob' },
          { username: 'mallory', plugins: [{ name: 'request-termination', config: { status_code: 418 } }] },
        ],
        services: [{ name: 'echo', url: service.url, routes }],
      }),
    });
  }, 120_000);
  afterAll(async () => {
    if (!hasThem) return;
    await kong.stop();
    await service.stop();
  });

  interface Answer {
    readonly status: number;
    readonly cache: string | null;
    /** Whom the service was told when it made this answer. */
    readonly user: string | undefined;
    readonly cookie: string | undefined;
  }

  async function ask(
    path: string,
    sub?: string,
    headers: Record<string, string> = {},
    roles = ['user'],
  ): Promise<Answer> {
    const claims = { iss: 'https://auth.test/', aud: 'shop', sub, roles, exp: Math.floor(Date.now() / 1000) + 600 };
    const sent = sub === undefined ? {} : { authorization: `Bearer ${await signToken(key, claims)}` };
    const response = await fetch(kong.proxyUrl + path, { headers: { ...headers, ...sent } });
    // response-ratelimiting refuses without a body.
    const { headers: told } = JSON.parse((await response.text()) || '{}') as { headers?: Record<string, string[]> };
    return {
      status: response.status,
      cache: response.headers.get('x-cache-status'),
      user: told?.['x-user-id']?.[0],
      cookie: response.headers.get('set-cookie')?.split(';')[0],
    };
  }

  itOnKong('proxy-cache knows no caller by itself: the second one gets the answer of the first', async () => {
    expect(await ask('/cached', 'alice')).toMatchObject({ cache: 'Miss', user: 'alice' });
    expect(await ask('/cached', 'bob')).toMatchObject({ cache: 'Hit', user: 'alice' });
  });

  itOnKong('proxy-cache keeps callers apart whose identity headers are in vary_headers', async () => {
    expect(await ask('/cached-by-headers', 'alice')).toMatchObject({ cache: 'Miss', user: 'alice' });
    expect(await ask('/cached-by-headers', 'bob')).toMatchObject({ cache: 'Miss', user: 'bob' });
    expect(await ask('/cached-by-headers', 'alice', {}, ['admin'])).toMatchObject({ cache: 'Miss', user: 'alice' });
    expect(await ask('/cached-by-headers')).toMatchObject({ cache: 'Miss', user: undefined });
    expect(await ask('/cached-by-headers', undefined, { 'X-User-ID': 'alice', X_User_ID: 'alice' })).toMatchObject({
      cache: 'Hit',
      user: undefined,
    });
    expect(await ask('/cached-by-headers', 'alice')).toMatchObject({ cache: 'Hit', user: 'alice' });
  });

  itOnKong('proxy-cache sees 100 headers, so that vary_headers misses an identity behind more', async () => {
    const filler = Object.fromEntries(Array.from({ length: 110 }, (_, i) => [`f${i}`, 'v']));
    expect(await ask('/cached-by-headers?many', 'alice', filler)).toMatchObject({ cache: 'Miss', user: 'alice' });
    expect(await ask('/cached-by-headers?many', 'bob', filler)).toMatchObject({ cache: 'Hit', user: 'alice' });
  });

  itOnKong('proxy-cache keeps callers apart who are consumers, with any number of headers', async () => {
    const filler = Object.fromEntries(Array.from({ length: 110 }, (_, i) => [`f${i}`, 'v']));
    expect(await ask('/cached-by-consumer', 'alice', filler)).toMatchObject({ cache: 'Miss', user: 'alice' });
    expect(await ask('/cached-by-consumer', 'bob', filler)).toMatchObject({ cache: 'Miss', user: 'bob' });
    expect(await ask('/cached-by-consumer', 'alice', filler)).toMatchObject({ cache: 'Hit', user: 'alice' });
  });

  itOnKong.each([
    ['/uses', [200, 200, 429, 429]],
    ['/uses-by-credential', [200, 200, 200, 200, 429, 429]],
    ['/uses-by-consumer', [200, 200, 200, 200, 429, 429]],
  ])('response-ratelimiting counts by address unless there is a credential or consumer: %s', async (path, expected) => {
    const statuses: number[] = [];
    for (const [turn] of expected.entries()) statuses.push((await ask(path, turn % 2 === 0 ? 'alice' : 'bob')).status);
    expect(statuses).toEqual(expected);
  });

  itOnKong('a plugin entry of a consumer runs for the caller who is that consumer', async () => {
    expect((await ask('/by-entry', 'mallory')).status).toBe(418);
    expect((await ask('/by-entry', 'alice')).status).toBe(200);
    expect((await ask('/by-entry-of-nobody', 'mallory')).status).toBe(200);
  });

  itOnKong('session starts a session for a consumer with a credential, and a session is no token', async () => {
    const { cookie } = await ask('/session', 'alice');
    expect(cookie).toMatch(/^session=/);
    expect(await ask('/session', undefined, { cookie: cookie! })).toMatchObject({ status: 401 });
    expect((await ask('/no-session', 'alice')).cookie).toBeUndefined();
  });

  itOnKong('session passes without the token where allow_authenticated lets it, and has no identity', async () => {
    const { cookie } = await ask('/session-or-token', 'alice');
    const later = await ask('/session-or-token', undefined, { cookie: cookie! });
    expect([later.status, later.user]).toEqual([200, undefined]);
  });
});
