import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Received } from '../support/echo-service';
import { type GuardedKong, startGuardedKong, tokenFor } from '../support/guarded-kong';
import { describeKong, itOnlyKong } from '../support/kong-target';
import { rawGet, type RawResponse, sendPipelined, sendRaw } from '../support/raw-http';

/** Every header that is about a caller, in any spelling. */
const IDENTITY_NAMES = /^x[-_.]?(?:user|consumer|credential|anonymous|authenticated)/;

describeKong('forged headers, sent byte by byte', () => {
  let guarded: GuardedKong;
  let authorization: string;

  beforeAll(async () => {
    guarded = await startGuardedKong(
      (url) => `
services:
  - name: orders
    url: ${url}
    routes:
      - { name: orders, paths: [/orders], plugins: [{ name: jwt-identity, config: { <<: *identity } }] }
      - { name: unguarded, paths: [/unguarded] }
      - name: either
        paths: [/either]
        plugins: [{ name: jwt-identity, config: { <<: *identity, unreserved_headers: [X-User-Agent] } }]
      - name: catalog
        paths: [/catalog]
        plugins: [{ name: jwt-identity, config: { <<: *identity, allow_missing: true } }]
`,
    );
    authorization = `Authorization: Bearer ${await tokenFor()}`;
  });
  beforeEach(() => {
    guarded.service.received.length = 0;
  });
  afterAll(() => guarded.stop());

  const send = (request: string): Promise<RawResponse | undefined> => sendRaw(guarded.kong, request);

  /** Sends a GET and returns the identity that the service was told; `undefined` when it got no request. */
  async function told(path: string, lines: readonly string[]): Promise<Received['headers'] | undefined> {
    await send(rawGet(path, lines));
    const [received] = guarded.service.received;
    if (received === undefined) return undefined;
    return Object.fromEntries(Object.entries(received.headers).filter(([name]) => IDENTITY_NAMES.test(name)));
  }

  const ADA = { 'x-user-id': ['ada'], 'x-user-roles': ['admin'] };
  const FORGERIES: readonly (readonly [string, readonly string[]])[] = [
    ['the header itself', ['X-User-ID: eve']],
    ['another case', ['x-uSER-id: eve']],
    ['underscores', ['X_User_ID: eve', 'X_USER_ROLES: root']],
    ['mixed separators', ['X-User_ID: eve', 'X_User-ID: eve']],
    ['dots, which nginx drops', ['X.User.ID: eve']],
    ['duplicates', ['X-User-ID: eve', 'X-User-ID: mallory', 'x-user-id: trudy']],
    ['a comma list', ['X-User-ID: eve, mallory']],
    ['an empty value', ['X-User-ID:', 'X-User-Roles: ']],
    ['a reserved header that nothing maps to', ['X-User-Email: eve@evil.test', 'X-User-Anything: 1']],
    ["Kong's own", ['X-Consumer-ID: 1', 'X-Consumer-Username: eve', 'X_Consumer_Custom_ID: 1']],
    ["Kong's own for credentials", ['X-Credential-Identifier: 1', 'X-Anonymous-Consumer: false']],
    ['odd bytes', ['X-User-ID: e\xffv\xe9', 'X_User_ID: \t\xc3\xa4']],
    ['tabs and blanks around it', ['X-User-ID:\t eve \t']],
  ];

  describe.each(FORGERIES)('as %s', (_, lines) => {
    it('never reach the service beside a token', async () => {
      expect(await told('/orders', [...lines, authorization])).toEqual(ADA);
    });

    it('never reach the service after a token', async () => {
      expect(await told('/orders', [authorization, ...lines])).toEqual(ADA);
    });

    it('never reach the service without a token', async () => {
      expect(await told('/catalog', lines)).toEqual({ 'x-anonymous-consumer': ['true'] });
    });
  });

  const filler = (count: number): string[] => Array.from({ length: count }, (_, i) => `f${i}: v`);

  it.each([90, 98, 120, 300, 900])('are found behind %i other headers', async (count) => {
    const lines = [...filler(count), authorization, 'X_User_ID: eve', 'X-User-ID: eve'];
    expect(await told('/orders', lines)).toEqual(ADA);
  });

  it.each([997, 998, 999, 1_200])('are refused when the list is too long to be trusted (%i others)', async (count) => {
    const response = await send(rawGet('/orders', [...filler(count), authorization, 'X_User_ID: eve']));
    expect(response?.status).toBe(400);
    expect(guarded.service.received).toEqual([]);
  });

  it.each([
    ['Connection: X-User-ID'],
    ['Connection: close, X-User-Roles'],
    ['Connection: x-USER-id ,close'],
    ['Connection: keep-alive', 'Connection: X-User-ID'],
    ['Connection: X_User_ID'],
  ])('cannot be traded for the absence of the real ones: %s %s', async (...lines) => {
    const head = ['GET /orders HTTP/1.1', 'Host: api.test', authorization, ...lines];
    const response = await send(`${head.join('\r\n')}\r\n\r\n`);
    expect(response?.status).toBe(400);
    expect(guarded.service.received).toEqual([]);
  });

  describe('a request that hides another in its body (CVE-2026-6338)', () => {
    /** It is a request of its own only when the first one loses its length. */
    const hidden = 'GET /unguarded/hidden HTTP/1.1\r\nHost: api.test\r\nX-User-ID: eve\r\n\r\n';
    /** Sends it, and an honest request after it on the same connection. */
    const smuggle = (path: string, connection: string): Promise<number[]> => {
      const lines = ['Host: api.test', authorization, `Content-Length: ${hidden.length}`, ...connection.split('|')];
      const first = `POST ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${hidden}`;
      return sendPipelined(guarded.kong, [first, rawGet('/orders', [authorization])]);
    };
    const seen = (): string[] => guarded.service.received.map(({ method, url }) => `${method} ${url}`);

    itOnlyKong('it keeps Content-Length')('is two requests for Kong without the plugin', async () => {
      expect(await smuggle('/unguarded', 'Connection: Content-Length')).toEqual([200, 200, 200]);
      expect(seen()).toEqual(['POST /', 'GET /hidden', 'GET /']);
    });

    it.each([
      ['Connection: Content-Length'],
      ['Connection: keep-alive, content-length'],
      ['Connection: keep-alive|Connection: CONTENT-LENGTH'],
      ['Connection: Content_Length'],
      ['Connection: x-hop,content-length'],
    ])('is refused as one: %s', async (connection) => {
      expect(await smuggle('/orders', connection)).toEqual([400, 200]);
      expect(seen()).toEqual(['GET /']);
    });
  });

  it.each(['Transfer-Encoding', 'Host', 'Content-Type', 'Authorization', 'Cookie', 'Origin', 'X-Forwarded-For'])(
    'cannot be helped by a request without its %s',
    async (name) => {
      const head = ['GET /orders HTTP/1.1', 'Host: api.test', authorization, `Connection: close, ${name}`];
      const response = await send(`${head.join('\r\n')}\r\n\r\n`);
      expect([response?.status, guarded.service.received]).toEqual([400, []]);
    },
  );

  it.each(['keep-alive', 'close', 'TE, close', 'Keep-Alive, Close', 'close, X-Hop'])(
    'are not suspected in an ordinary request: Connection: %s',
    async (connection) => {
      const head = ['GET /orders HTTP/1.1', 'Host: api.test', authorization, `Connection: ${connection}`];
      const response = await send(`${head.join('\r\n')}\r\n\r\n`);
      expect([response?.status, guarded.service.received.length]).toEqual([200, 1]);
    },
  );

  it('do not include an exception, in its own spelling only', async () => {
    const lines = [authorization, 'X-User-Agent: grpc-web/1', 'X_User_Agent: evil', 'X-User-Email: evil'];
    expect(await told('/either', lines)).toEqual({ ...ADA, 'x-user-agent': ['grpc-web/1'] });
  });

  it('named in Keep-Alive and Proxy-Connection change nothing', async () => {
    const lines = ['Keep-Alive: X-User-ID', 'Proxy-Connection: X-User-ID', 'Proxy: X-User-ID', authorization];
    expect(await told('/orders', lines)).toEqual(ADA);
  });

  it.each([
    ['NUL', 'X-User-ID: a\0b'],
    ['a bare CR', 'X-User-ID: a\rX-User-Roles: root'],
    ['a folded line', 'X-Other: a\r\n X-User-ID: eve'],
    ['a name with a blank', 'X-User-ID : eve'],
    ['a name with NUL', 'X-User\0-ID: eve'],
  ])('with %s are refused', async (_, line) => {
    const response = await send(rawGet('/orders', [authorization, line]));
    expect(response?.status).toBe(400);
    expect(guarded.service.received).toEqual([]);
  });

  it('with a bare LF are a line of their own, which is removed', async () => {
    const response = await send(rawGet('/orders', [authorization, 'X-Other: a\nX-User-ID: eve']));
    const [received] = guarded.service.received;
    expect([200, 400]).toContain(response?.status);
    if (received !== undefined) expect(received.headers['x-user-id']).toEqual(['ada']);
  });

  it('two Authorization headers are one too many', async () => {
    const response = await send(rawGet('/orders', [authorization, 'Authorization: Bearer other']));
    expect(response?.status).toBe(400);
    expect(guarded.service.received).toEqual([]);
  });

  it.each(['Transfer-Encoding: chunked\r\nContent-Length: 4', 'Content-Length: 4\r\nContent-Length: 5'])(
    'a request with two lengths is refused',
    async (lines) => {
      const response = await send(
        `POST /orders HTTP/1.1\r\nHost: api.test\r\n${authorization}\r\n${lines}\r\nConnection: close\r\n\r\n0\r\n\r\n`,
      );
      expect(response?.status).toBe(400);
      expect(guarded.service.received).toEqual([]);
    },
  );

  it.each(['HEAD', 'OPTIONS', 'DELETE', 'PROPFIND'])('are removed from %s too', async (method) => {
    const request = rawGet('/orders', [authorization, 'X_User_ID: eve']).replace('GET', method);
    await send(request);
    const [received] = guarded.service.received;
    expect(received?.headers).toMatchObject(ADA);
    expect(received?.headers).not.toHaveProperty('x_user_id');
  });
});
