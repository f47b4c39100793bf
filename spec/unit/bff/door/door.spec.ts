import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import '../../../support/quiet-log';
import { createDoor, type Door, type DoorOptions, type OpenedSession } from '../../../../src/bff/door/door';
import { doorFile, doorToken, guardedBy } from '../../../support/door-file';
import { startEchoService, type EchoService, type Received } from '../../../support/echo-service';

const ORIGIN = 'https://shop.example.com';
const session = { cookie: '__Host-session', origin: ORIGIN };

let orders: EchoService;
let admin: EchoService;
let token: string;
let redirect: string | undefined;
let answerHeaders: Readonly<Record<string, string>>;
const doors: Door[] = [];

beforeAll(async () => {
  token = await doorToken();
  orders = await startEchoService((_, response) => {
    for (const [name, value] of Object.entries(answerHeaders)) response.setHeader(name, value);
    if (redirect === undefined) return false;
    response.writeHead(302, { Location: redirect }).end();
    return true;
  });
  admin = await startEchoService();
});
afterAll(async () => {
  await Promise.all(doors.map((door) => door.close()));
  await Promise.all([orders.stop(), admin.stop()]);
});
beforeEach(() => {
  redirect = undefined;
  answerHeaders = {};
  orders.received.length = admin.received.length = 0;
});

const shop = (more: Readonly<Record<string, unknown>> = {}): string =>
  doorFile({
    services: [
      {
        name: 'orders',
        url: `${orders.url}/v1`,
        routes: [
          { name: 'orders', paths: ['/api/orders'], plugins: [guardedBy()] },
          {
            name: 'catalog',
            paths: ['/api/catalog'],
            strip_path: false,
            plugins: [guardedBy({ allow_missing: true })],
          },
        ],
      },
      {
        name: 'admin',
        url: admin.url,
        routes: [
          {
            name: 'admin',
            paths: ['/api/admin'],
            preserve_host: true,
            plugins: [guardedBy({ authorize: [{ methods: ['GET'], roles: ['admin'] }] })],
          },
        ],
      },
    ],
    ...more,
  });

function makeDoor(options: Partial<DoorOptions> = {}): Door {
  const door = createDoor({ kongYml: shop(), session, loginPath: '/login', ...options });
  doors.push(door);
  return door;
}

const withCookie = (headers: Readonly<Record<string, string>> = {}): RequestInit => ({
  headers: { cookie: `theme=dark; __Host-session=${token}`, ...headers },
});
const ask = (door: Door, path: string, init: RequestInit = {}): Promise<Response> =>
  door(new Request(`${ORIGIN}${path}`, init));
const codeOf = async (response: Response): Promise<unknown> => [
  response.status,
  ((await response.json()) as { code: string }).code,
];

describe('the door', () => {
  it('passes a request to the service of its route, with the identity and the path that Kong would send', async () => {
    const response = await ask(makeDoor(), '/api/orders/7?a=1&b=%20', withCookie({ accept: 'application/json' }));
    const { method, url, headers } = (await response.json()) as Received;
    expect([response.status, method, url]).toEqual([200, 'GET', '/v1/7?a=1&b=%20']);
    expect(headers).toMatchObject({
      'x-user-id': ['ada'],
      'x-user-roles': ['admin'],
      accept: ['application/json'],
      host: [new URL(orders.url).host],
      via: ['1.1 jwt-identity'],
      'x-forwarded-proto': ['https'],
      'x-forwarded-host': ['shop.example.com'],
      'x-forwarded-port': ['443'],
      'x-forwarded-path': ['/api/orders/7'],
      'x-forwarded-prefix': ['/api/orders'],
    });
    expect(JSON.stringify(headers)).not.toContain(token);
  });

  it('sends each route to its own service, and the own host where the route wants it', async () => {
    const response = await ask(makeDoor(), '/api/admin', withCookie());
    expect(response.status).toBe(200);
    expect(admin.received).toHaveLength(1);
    expect(admin.received[0]!.headers).toMatchObject({ host: ['shop.example.com'] });
  });

  it('tells a service nothing that a browser says about the connection', async () => {
    const headers = {
      'x-user-id': 'evil',
      x_user_id: 'evil',
      'x-forwarded-for': '10.0.0.1',
      'x-forwarded-host': 'evil.test',
      'x-real-ip': '10.0.0.1',
      forwarded: 'for=10.0.0.1',
      host: 'evil.test',
    };
    await ask(makeDoor(), '/api/catalog', { headers });
    expect(JSON.stringify(orders.received[0])).not.toMatch(/evil|10\.0\.0\.1/);
    expect(orders.received[0]).toMatchObject({ url: '/v1/api/catalog', headers: { 'x-anonymous-consumer': ['true'] } });
  });

  it('tells a service the address of the client where somebody vouches for it', async () => {
    await ask(makeDoor({ clientAddress: () => '192.0.2.7' }), '/api/catalog', {
      headers: { 'x-forwarded-for': '10.0.0.1' },
    });
    expect(orders.received[0]!.headers).toMatchObject({ 'x-forwarded-for': ['192.0.2.7'], 'x-real-ip': ['192.0.2.7'] });
  });

  it.each([
    ['no token', '/api/orders', {}, [401, 'token_missing']],
    ['a path without a route', '/api/nothing', {}, [404, 'route_unknown']],
    ['a route without the plugin', '/api/open', {}, [404, 'route_unknown']],
    ['a path that is not normal', '/api/catalog/..%2forders', {}, [400, 'path_not_normal']],
    ['a path of another route in upper case', '/api/ADMIN', {}, [404, 'route_unknown']],
    [
      'headers that are too large',
      '/api/catalog',
      { headers: { 'x-a': 'x'.repeat(33_000) } },
      [431, 'headers_too_large'],
    ],
    [
      'a change to a WebSocket',
      '/api/catalog',
      { headers: { upgrade: 'websocket', connection: 'upgrade' } },
      [501, 'upgrade_not_supported'],
    ],
  ])('refuses %s, and no service hears of it', async (_, path, init, expected) => {
    const kongYml = shop({ routes: [{ name: 'open', paths: ['/api/open'], service: 'orders' }] });
    const response = await ask(makeDoor({ kongYml }), path, init);
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await codeOf(response)).toEqual(expected);
    expect(orders.received.length + admin.received.length).toBe(0);
  });

  it('refuses by the rules of the route, and what may come from another site', async () => {
    const door = makeDoor();
    const post = { method: 'POST', body: 'x' };
    expect(await codeOf(await ask(door, '/api/orders', { ...withCookie(), ...post }))).toEqual([
      403,
      'cross_site_request',
    ]);
    const own = withCookie({ 'sec-fetch-site': 'same-origin' });
    expect(await codeOf(await ask(door, '/api/admin', { ...own, ...post }))).toEqual([403, 'forbidden']);
    expect((await ask(door, '/api/orders', { ...own, ...post })).status).toBe(200);
    expect(orders.received.map(({ method, body }) => [method, body])).toEqual([['POST', 'x']]);
  });

  it('refuses a body that is longer than its limit, after it knows the caller', async () => {
    const door = makeDoor({ limits: { maxBodyBytes: 3 } });
    const body = { method: 'POST', body: 'four' };
    const own = withCookie({ 'sec-fetch-site': 'same-origin', 'content-length': '4' });
    expect(await codeOf(await ask(door, '/api/orders', { ...own, ...body }))).toEqual([413, 'body_too_large']);
    expect(await codeOf(await ask(door, '/api/orders', body))).toEqual([401, 'token_missing']);
  });

  it('refuses with internal_error what it does not understand', async () => {
    const response = await makeDoor()(Object.create(Request.prototype) as Request);
    expect(await codeOf(response)).toEqual([500, 'internal_error']);
  });

  it('refuses in the form of a problem document', async () => {
    const problem = { type: 'about:blank', title: 'Not Found', status: 404, detail: 'There is nothing at this path.' };
    expect(await (await ask(makeDoor(), '/api/nothing')).json()).toEqual({ ...problem, code: 'route_unknown' });
  });

  it('makes the browser forget a cookie that the configuration ignores', async () => {
    const plugins = [guardedBy({ allow_missing: true, on_invalid_cookie: 'anonymous' })];
    const kongYml = shop({ routes: [{ name: 'news', paths: ['/news'], service: 'orders', plugins }] });
    const response = await ask(makeDoor({ kongYml }), '/news', { headers: { cookie: '__Host-session=old' } });
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie()).toEqual(['__Host-session=; Path=/; Max-Age=0; Secure']);
  });

  it('keeps answers to a known caller out of shared caches, unless the service calls them public', async () => {
    const door = makeDoor();
    const control = async (path: string, init?: RequestInit): Promise<string | null> =>
      (await ask(door, path, init)).headers.get('cache-control');
    expect(await control('/api/orders', withCookie())).toBe('private');
    expect(await control('/api/catalog')).toBeNull();
    answerHeaders = { 'cache-control': 'max-age=60' };
    expect(await control('/api/orders', withCookie())).toBe('max-age=60, private');
    answerHeaders = { 'cache-control': 'public, max-age=60' };
    expect(await control('/api/orders', withCookie())).toBe('public, max-age=60');
    answerHeaders = { 'content-type': 'text/event-stream' };
    redirect = '/events';
    expect(await control('/api/orders', withCookie())).toBe('private, no-transform');
  });

  it('keeps the cookies of a session out of all caches, also when the service calls its answer public', async () => {
    const open = (): Promise<OpenedSession> => Promise.resolve({ token, setCookies: ['__Host-session.0=a'] });
    answerHeaders = { 'cache-control': 'public, max-age=60', 'cdn-cache-control': 'max-age=60' };
    const { headers } = await ask(makeDoor({ session: { origin: ORIGIN, open } }), '/api/orders');
    const stored = [headers.get('cache-control'), headers.get('cdn-cache-control')];
    expect([headers.getSetCookie(), ...stored]).toEqual([['__Host-session.0=a'], 'no-store', null]);
  });

  it.each([
    ['the service itself', () => `${orders.url}/v1/8?a=1#b`, '/api/orders/8?a=1#b'],
    ['the service itself, as another origin', () => `${orders.url}//evil.test`, '/api/orders//evil.test'],
    ['a path', () => '/v1/8', '/v1/8'],
    ['elsewhere', () => 'https://auth.example.com/', 'https://auth.example.com/'],
  ])('passes a redirect of a service to %s on', async (_, location, expected) => {
    redirect = location();
    const response = await ask(makeDoor(), '/api/orders', withCookie());
    expect([response.status, response.headers.get('location')]).toEqual([302, expected]);
  });
});

describe('a page that needs a login', () => {
  const page = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };

  it('is sent to the login, which gets its path and query and nothing else', async () => {
    const response = await ask(makeDoor(), '/api/orders/7?a=1&b=//evil.test', { headers: page });
    expect([response.status, response.headers.get('cache-control')]).toEqual([303, 'no-store']);
    const location = new URL(response.headers.get('location')!, ORIGIN);
    expect([location.origin, location.pathname]).toEqual([ORIGIN, '/login']);
    expect([...location.searchParams]).toEqual([['return_to', '/api/orders/7?a=1&b=//evil.test']]);
  });

  it('is sent there with a token that has expired, and with one that was revoked', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'door-'));
    const file = join(folder, 'revoked.json');
    const iat = Math.floor(Date.now() / 1000);
    const entry = { iss: 'https://auth.example.com/', jti: 'revoked', exp: iat + 3600 };
    writeFileSync(file, JSON.stringify({ iat, revocations: [entry] }), { mode: 0o644 });
    try {
      const plugins = [guardedBy({ revocation_lists: [{ file }] })];
      const kongYml = shop({ routes: [{ name: 'news', paths: ['/news'], service: 'orders', plugins }] });
      const door = makeDoor({ kongYml });
      const get = async (claims: Readonly<Record<string, unknown>>): Promise<Response> => {
        const cookie = `__Host-session=${await doorToken(claims)}`;
        return ask(door, '/news', { headers: { ...page, cookie } });
      };
      expect((await get({ jti: 'good' })).status).toBe(200);
      for (const claims of [{ jti: 'good', exp: 1_000_000_000 }, { jti: 'revoked' }]) {
        const response = await get(claims);
        expect([response.status, response.headers.get('location')]).toEqual([303, '/login?return_to=%2Fnews']);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it.each([
    ['it is no page', {}, {}],
    ['its method is not GET', page, { method: 'POST' }],
  ])('is refused when %s', async (_, headers, init) => {
    expect((await ask(makeDoor(), '/api/orders', { headers, ...init })).status).toBe(401);
  });

  it('is refused when a login would change nothing', async () => {
    const cookie = `__Host-session=${await doorToken({ aud: 'others' })}`;
    const response = await ask(makeDoor(), '/api/orders', { headers: { ...page, cookie } });
    expect(await codeOf(response)).toEqual([401, 'audience_not_accepted']);
  });

  it('is refused when there is no login', async () => {
    const door = createDoor({ kongYml: shop(), session });
    doors.push(door);
    expect((await ask(door, '/api/orders', { headers: page })).status).toBe(401);
  });
});

describe('a session that a cookie does not hold as it is', () => {
  const opening = (found: string | undefined): Door =>
    makeDoor({
      session: { origin: ORIGIN, open: () => Promise.resolve({ token: found, setCookies: ['a=1', 'b=2'] }) },
    });

  it('gives its token to the gatekeeper, and its cookies to the browser', async () => {
    const response = await ask(opening(token), '/api/orders');
    expect(response.status).toBe(200);
    expect(response.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(orders.received[0]!.headers).toMatchObject({ 'x-user-id': ['ada'] });
    expect(JSON.stringify(orders.received)).not.toContain(token);
  });

  it('gives its token to a gateway, which is asked with the path that the browser asked for', async () => {
    const open = (): Promise<OpenedSession> => Promise.resolve({ token, setCookies: [] });
    const door = makeDoor({ session: { origin: ORIGIN, open }, gateway: admin.url });
    expect((await ask(door, '/api/orders/7?a=1')).status).toBe(200);
    expect(orders.received).toHaveLength(0);
    const headers = { host: ['shop.example.com'], authorization: [`Bearer ${token}`] };
    expect(admin.received).toMatchObject([{ url: '/api/orders/7?a=1', headers }]);
    expect((await ask(door, '/api/nothing')).status).toBe(404);
  });

  it('gives its cookies to the browser also with a refusal', async () => {
    const response = await ask(opening(undefined), '/api/orders');
    expect([response.status, response.headers.getSetCookie()]).toEqual([401, ['a=1', 'b=2']]);
  });

  it('is guarded against other sites', async () => {
    const response = await ask(opening(token), '/api/orders', { method: 'POST' });
    expect(await codeOf(response)).toEqual([403, 'cross_site_request']);
  });

  it('cannot be given by a cookie of the name that the door uses inside', async () => {
    for (const cookie of [`__door-session=${token}; __door-session =${token}`, `__door-session.0=${token}`]) {
      const response = await ask(opening(undefined), '/api/orders', { headers: { cookie } });
      expect(await codeOf(response)).toEqual([401, 'token_missing']);
    }
  });

  it('is refused beside another token', async () => {
    const headers = { authorization: `Bearer ${await doorToken({ sub: 'eve' })}` };
    expect(await codeOf(await ask(opening(token), '/api/orders', { headers }))).toEqual([400, 'tokens_conflict']);
  });

  it('refuses the request when it cannot be opened', async () => {
    const door = makeDoor({ session: { origin: ORIGIN, open: () => Promise.reject(new Error('no')) } });
    expect(await codeOf(await ask(door, '/api/catalog'))).toEqual([500, 'internal_error']);
  });
});

describe('a door', () => {
  it.each<[string, () => Partial<DoorOptions>, string]>([
    [
      'a session that has both a cookie and open',
      () => ({ session: { ...session, open: () => Promise.reject(new Error()) } }),
      'session: ',
    ],
    ['an origin with a path', () => ({ session: { origin: `${ORIGIN}/x` } }), 'session.origin: '],
    ['a login elsewhere', () => ({ loginPath: '//evil.test' }), 'loginPath: '],
    ['a limit that is no number', () => ({ limits: { maxBodyBytes: Number.NaN } }), 'limits.maxBodyBytes: '],
    ['a gateway and a cookie that it would not get', () => ({ gateway: 'http://127.0.0.1:8000' }), 'gateway: needs'],
    ['no guarded route', () => ({ kongYml: doorFile({ services: [] }) }), 'kongYml: has no route'],
    [
      'a configuration that needs Kong',
      () => ({
        kongYml: shop({
          plugins: [],
          routes: [{ name: 'k', paths: ['/k'], service: 'orders', plugins: [guardedBy({ consumer_claim: 'sub' })] }],
        }),
      }),
      'routes k: config.consumer_claim: needs Kong',
    ],
  ])('cannot be made with %s', (_, options, message) => {
    expect(() => makeDoor(options())).toThrow(message);
  });
});
