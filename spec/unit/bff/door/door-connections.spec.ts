import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import '../../../support/quiet-log';
import { createDoor, type Door, type DoorOptions, type OpenedSession } from '../../../../src/bff/door/door';
import { announceSigningKey } from '../../../../src/keys/signing-keys';
import { createAuthority } from '../../../support/certificates';
import { doorFile, doorToken, guardedBy } from '../../../support/door-file';
import { startEchoService, type EchoService } from '../../../support/echo-service';

const ORIGIN = 'https://shop.example.com';

let service: EchoService;
let gateway: EchoService;
let token: string;
let redirect: string | undefined;
const doors: Door[] = [];

const answer = (_: IncomingMessage, response: ServerResponse): boolean => {
  if (redirect === undefined) return false;
  response.writeHead(302, { Location: redirect, 'Content-Type': 'text/event-stream' }).end();
  return true;
};
beforeAll(async () => {
  token = await doorToken();
  service = await startEchoService(answer);
  gateway = await startEchoService(answer);
});
afterAll(async () => {
  await Promise.all(doors.map((door) => door.close()));
  await Promise.all([service.stop(), gateway.stop()]);
});
beforeEach(() => {
  redirect = undefined;
  service.received.length = gateway.received.length = 0;
});

const open = (): Promise<OpenedSession> => Promise.resolve({ token, setCookies: [] });
const closed = (): Promise<OpenedSession> => Promise.resolve({ token: undefined, setCookies: [] });

function makeDoor(routes: readonly object[], options: Partial<DoorOptions> = {}, more: object = {}): Door {
  const kongYml = doorFile({ services: [{ name: 'shop', url: `${service.url}/v1`, ...more, routes }] });
  const door = createDoor({ kongYml, session: { origin: ORIGIN, open }, ...options });
  doors.push(door);
  return door;
}
const route = (name: string, members: object, config: Readonly<Record<string, unknown>> = {}): object => ({
  ...{ name, plugins: [guardedBy(config)] },
  ...members,
});
const ask = (door: Door, path: string, init: RequestInit = {}): Promise<Response> =>
  door(new Request(`${ORIGIN}${path}`, init));
const codeOf = async (response: Response): Promise<unknown> => [
  response.status,
  ((await response.json()) as { code: string }).code,
];

describe('a door whose routes tell requests apart by host and headers', () => {
  const nobody = { authorize: [{ roles: ['nobody'] }] };
  const door = (): Door =>
    makeDoor([
      route('all', { paths: ['/'] }),
      route('host', { paths: ['/'], hosts: ['admin.example.com'] }, nobody),
      route('header', { paths: ['/'], headers: { 'X-Tenant': ['acme'] } }, nobody),
    ]);

  it.each([
    ['the host that it sends', { host: 'admin.example.com' }],
    ['a header that it sends', { 'x-tenant': 'acme' }],
  ])('takes the route of %s, and decides by its rules', async (_, headers) => {
    expect(await codeOf(await ask(door(), '/', { headers }))).toEqual([403, 'forbidden']);
    expect(service.received).toEqual([]);
  });

  it('takes the host of the URL where there is no header with it', async () => {
    const response = await door()(new Request('https://admin.example.com/'));
    expect(await codeOf(response)).toEqual([403, 'forbidden']);
    expect((await ask(door(), '/', { headers: { 'x-tenant': 'other' } })).status).toBe(200);
  });

  it.each([
    ['https://shop.example.com', 443],
    ['http://shop.example.com', 80],
    ['https://shop.example.com:8443', 8443],
  ])('has the port of its origin %s', async (origin, port) => {
    const protocols = [new URL(origin).protocol.slice(0, -1)];
    const routes = [route('port', { paths: ['/'], hosts: [`shop.example.com:${port}`], protocols })];
    const own = makeDoor(routes, { session: { origin, open } });
    const response = await own(new Request(origin, { headers: { host: 'shop.example.com' } }));
    expect(response.status).toBe(200);
    expect(service.received[0]!.headers).toMatchObject({ 'x-forwarded-port': [String(port)] });
  });
});

describe('a request that is passed on', () => {
  it('keeps the Via of those before, and has no prefix where the route takes nothing off', async () => {
    await ask(makeDoor([route('all', { paths: ['/'] })]), '/a', { headers: { via: '1.1 cdn' } });
    expect(service.received[0]).toMatchObject({ url: '/v1/a', headers: { via: ['1.1 cdn, 1.1 jwt-identity'] } });
    expect(service.received[0]!.headers).not.toHaveProperty('x-forwarded-prefix');
  });

  it('is refused when its path and query alone are too long', async () => {
    const door = makeDoor([route('all', { paths: ['/'] })], { limits: { maxHeaderBytes: 100 } });
    expect(await codeOf(await ask(door, `/${'a'.repeat(100)}`))).toEqual([431, 'headers_too_large']);
    expect(await codeOf(await ask(door, `/?${'a'.repeat(100)}`))).toEqual([431, 'headers_too_large']);
    expect((await ask(door, '/a')).status).toBe(200);
    // GET and / are four bytes.
    expect((await ask(door, `/?${'a'.repeat(95)}`)).status).toBe(200);
    expect(await codeOf(await ask(door, `/?${'a'.repeat(96)}`))).toEqual([431, 'headers_too_large']);
  });

  it('is refused when its header lines are too long, with what is around them', async () => {
    const door = makeDoor([route('all', { paths: ['/'] })], { limits: { maxHeaderBytes: 100 } });
    // GET and / are four bytes, `x-a: ` and the end of the line seven.
    expect((await ask(door, '/', { headers: { 'x-a': 'a'.repeat(89) } })).status).toBe(200);
    const long = await ask(door, '/', { headers: { 'x-a': 'a'.repeat(90) } });
    expect(await codeOf(long)).toEqual([431, 'headers_too_large']);
  });

  it('has a body of megabytes where no limit is given', async () => {
    const headers = { 'sec-fetch-site': 'same-origin' };
    const body = 'x'.repeat(2 * 1024 * 1024);
    const response = await ask(makeDoor([route('all', { paths: ['/'] })]), '/', { method: 'POST', body, headers });
    expect(response.status).toBe(200);
    expect(service.received[0]!.body).toHaveLength(body.length);
  });

  it('loses the header with which it asks for a change to HTTP/2, and nothing else', async () => {
    const headers = { upgrade: 'h2c', connection: 'upgrade' };
    expect((await ask(makeDoor([route('all', { paths: ['/'] })]), '/', { headers })).status).toBe(200);
    expect(service.received[0]!.headers).not.toHaveProperty('upgrade');
  });

  it.each(['WebSocket', 'h2c, websocket'])('is refused when it asks for a change to %s', async (upgrade) => {
    const door = makeDoor([route('all', { paths: ['/'] })]);
    const headers = { upgrade, connection: 'upgrade' };
    expect(await codeOf(await ask(door, '/', { headers }))).toEqual([501, 'upgrade_not_supported']);
  });

  it('is answered with headers that keep proxies from collecting events', async () => {
    redirect = '/events';
    const { headers } = await ask(makeDoor([route('all', { paths: ['/'] }, { allow_missing: true })]), '/');
    expect(headers.get('cache-control')).toBe('private, no-transform');
    expect(headers.get('x-accel-buffering')).toBe('no');
    const anonymous = makeDoor([route('all', { paths: ['/'] }, { allow_missing: true })], {
      session: { origin: ORIGIN, open: closed },
    });
    expect((await ask(anonymous, '/')).headers.get('cache-control')).toBe('no-transform');
  });

  it('does not make a browser forget the cookie that only the door has', async () => {
    const config = { allow_missing: true, on_invalid_cookie: 'anonymous' };
    const old = (): Promise<OpenedSession> => Promise.resolve({ token: 'old', setCookies: ['a=1'] });
    const door = makeDoor([route('all', { paths: ['/'] }, config)], { session: { origin: ORIGIN, open: old } });
    const response = await ask(door, '/');
    expect([response.status, response.headers.getSetCookie()]).toEqual([200, ['a=1']]);
    expect(service.received[0]!.headers).toMatchObject({ 'x-anonymous-consumer': ['true'] });
  });
});

describe('a session beside other cookies', () => {
  it('leaves a token in a cookie of the configuration where it is, and both are compared', async () => {
    const door = makeDoor([route('all', { paths: ['/'] }, { cookie_names: ['own'] })], {
      session: { origin: ORIGIN, open: closed },
    });
    const cookie = (value: string): RequestInit => ({ headers: { cookie: `a=1; own=${value}; b=2` } });
    expect((await ask(door, '/', cookie(token))).status).toBe(200);
    expect(service.received[0]!.headers).toMatchObject({ 'x-user-id': ['ada'] });
    const both = makeDoor([route('all', { paths: ['/'] }, { cookie_names: ['own'] })]);
    expect((await ask(both, '/', cookie(token))).status).toBe(200);
    const eve = await doorToken({ sub: 'eve' });
    expect(await codeOf(await ask(both, '/', cookie(eve)))).toEqual([400, 'tokens_conflict']);
  });
});

describe('a service of a door', () => {
  it('has its redirects passed on with their path where neither it nor the route has one', async () => {
    redirect = `${service.url}/a/b?c=1`;
    const door = makeDoor([route('all', { paths: ['/'], strip_path: false })], {}, { url: service.url });
    expect((await ask(door, '/')).headers.get('location')).toBe('/a/b?c=1');
  });

  it('may have an IPv6 address', async () => {
    const door = makeDoor([route('all', { paths: ['/'] })], {}, { url: 'http://[::1]:1' });
    expect(await codeOf(await ask(door, '/'))).toEqual([502, 'service_failed']);
  });

  it('gets an identity token where the door has signing keys, and none otherwise', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'door-keys-'));
    const signingKeys = join(folder, 'keys.json');
    writeFileSync(signingKeys, announceSigningKey('EdDSA'), { mode: 0o600 });
    const identity_token = { issuer: ORIGIN, audience: 'orders' };
    const routes = [route('all', { paths: ['/'] }, { identity_token })];
    const forged = { headers: { 'x-identity-token': 'evil' } };
    await ask(makeDoor(routes, { signingKeys }), '/', forged);
    await ask(makeDoor(routes), '/', forged);
    const [made, none] = service.received.map(({ headers }) => headers['x-identity-token']);
    expect([made, none]).toEqual([[expect.stringMatching(/^eyJ.*\./)], undefined]);
    rmSync(folder, { recursive: true });
  });

  it('is asked nothing by a door that is closed', async () => {
    const door = makeDoor([route('all', { paths: ['/'] })]);
    await (await ask(door, '/')).text();
    await door.close();
    expect(await codeOf(await ask(door, '/'))).toEqual([502, 'service_failed']);
    expect(service.received).toHaveLength(1);
  });
});

describe('a page of a session that has expired', () => {
  it('is sent to the login', async () => {
    const old = await doorToken({ exp: 1_000_000_000 });
    const session = {
      origin: ORIGIN,
      open: (): Promise<OpenedSession> => Promise.resolve({ token: old, setCookies: [] }),
    };
    const door = makeDoor([route('all', { paths: ['/'] })], { session, loginPath: '/login' });
    const response = await ask(door, '/a', { headers: { 'sec-fetch-mode': 'navigate' } });
    expect([response.status, response.headers.get('location')]).toEqual([303, '/login?return_to=%2Fa']);
  });
});

describe('a door before a gateway', () => {
  const routes = [
    route('orders', { paths: ['/api/orders'] }),
    route('news', { paths: ['/news'] }, { allow_missing: true }),
  ];
  const before = (session: () => Promise<OpenedSession>): Door =>
    makeDoor(routes, { gateway: gateway.url, session: { origin: ORIGIN, open: session } });

  it('hands on the Authorization of a request without a session, and none that is not there', async () => {
    const door = before(closed);
    await ask(door, '/api/orders', { headers: { authorization: `Bearer ${token}` } });
    await ask(door, '/news');
    const [own, none] = gateway.received.map(({ headers }) => headers['authorization']);
    expect([own, none]).toEqual([[`Bearer ${token}`], undefined]);
    expect(service.received).toEqual([]);
  });

  it('turns a redirect of the gateway to itself into one to the same path of the door', async () => {
    redirect = `${gateway.url}/v1/8?a=1`;
    const { headers } = await ask(before(open), '/api/orders');
    expect(headers.get('location')).toBe('/v1/8?a=1');
  });

  it('cannot be made with the address of a gateway that has a path', () => {
    expect(() => makeDoor(routes, { gateway: `${gateway.url}/v1` })).toThrow(
      'gateway: needs session.open, and a URL without a path',
    );
  });
});

describe('a door to a service with TLS', () => {
  let folder: string;
  let secure: Server;
  let url: string;
  const heard: unknown[] = [];
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'door-tls-'));
    const certificate = createAuthority(folder, 'ca').issue('localhost', 'IP:127.0.0.1');
    secure = createServer(certificate, (request, response) => {
      heard.push(request.url);
      response.end();
    }).listen(0, '127.0.0.1');
    await new Promise((resolve) => secure.once('listening', resolve));
    url = `https://127.0.0.1:${(secure.address() as AddressInfo).port}`;
  }, 60_000);
  afterAll(async () => {
    secure.closeAllConnections();
    await new Promise((resolve) => secure.close(resolve));
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['does not say whether its certificate is checked', {}],
    ['says that its certificate is checked', { tls_verify: true }],
  ])('sends nothing to a service that nobody vouches for when the file %s', async (_, more) => {
    const door = makeDoor([route('all', { paths: ['/'] })], {}, { url, ...more });
    expect(await codeOf(await ask(door, '/secret'))).toEqual([502, 'service_failed']);
    expect(heard).toEqual([]);
  });

  it('asks it where the file says that its certificate is not checked', async () => {
    const door = makeDoor([route('all', { paths: ['/'] })], {}, { url, tls_verify: false });
    expect((await ask(door, '/orders')).status).toBe(200);
    expect(heard).toEqual(['/orders']);
  });
});

describe('a door', () => {
  it.each(['/login?a=1', '/login?a=/', '/login#a', 'login', '/a//b'])(
    'cannot be made with the login path %s',
    (loginPath) => {
      expect(() => makeDoor([route('all', { paths: ['/'] })], { loginPath })).toThrow('loginPath: must be a path');
    },
  );

  it('may take no body at all', async () => {
    const door = makeDoor([route('all', { paths: ['/'] })], { limits: { maxBodyBytes: 0 } });
    const headers = { 'sec-fetch-site': 'same-origin' };
    expect((await ask(door, '/')).status).toBe(200);
    expect(await codeOf(await ask(door, '/', { method: 'POST', body: 'x', headers }))).toEqual([413, 'body_too_large']);
  });

  it.each([-1, 1.5, Number.NaN])('cannot be made with a limit of %d bytes', (bytes) => {
    for (const limits of [{ maxBodyBytes: bytes }, { maxHeaderBytes: bytes }]) {
      expect(() => makeDoor([route('all', { paths: ['/'] })], { limits })).toThrow('must be a whole number of bytes');
    }
  });

  it.each(['http://u:p@10.0.0.7', 'http://10.0.0.7/#a', 'http://10.0.0.7/?a'])(
    'cannot be made with the address %s of a service',
    (address) => {
      const options = { services: { shop: address } };
      expect(() => makeDoor([route('all', { paths: ['/'] })], options)).toThrow('services.shop: must be a URL');
    },
  );
});
