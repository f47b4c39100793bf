import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Received } from '../support/echo-service';
import { type GuardedKong, startGuardedKong, tokenFor } from '../support/guarded-kong';
import { describeKong } from '../support/kong-target';
import { rawGet, sendRaw } from '../support/raw-http';

describeKong('a request through the gateway', () => {
  let guarded: GuardedKong;
  let token: string;

  beforeAll(async () => {
    guarded = await startGuardedKong(
      (url) => `
plugins:
  - name: jwt-identity
    config: { <<: *identity }
services:
  - name: orders
    url: ${url}
    routes:
      - name: orders
        paths: [/orders]
        strip_path: false
      - name: catalog
        paths: [/catalog]
        plugins:
          - name: jwt-identity
            config: { <<: *identity, allow_missing: true }
      - name: internal
        paths: [/internal]
        plugins:
          - name: ip-restriction
            config: { deny: [127.0.0.0/8] }
`,
    );
    token = await tokenFor();
  });
  beforeEach(() => {
    guarded.service.received.length = 0;
  });
  afterAll(() => guarded.stop());

  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(guarded.kong.proxyUrl + path, { headers });

  it('reaches the service with the identity of a verified token, and without the token', async () => {
    const response = await get('/orders/7?a=1&a=', { authorization: `Bearer ${token}`, 'X-User-ID': 'eve' });
    expect(response.status).toBe(200);
    const { url, headers } = (await response.json()) as Received;
    expect(url).toBe('/orders/7?a=1&a=');
    expect(headers).toMatchObject({ 'x-user-id': ['ada'], 'x-user-roles': ['admin'] });
    expect(headers).not.toHaveProperty('authorization');
  });

  it('is refused without a token, and never reaches the service', async () => {
    const response = await get('/orders');
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer realm="service"');
    expect(await response.json()).toMatchObject({ code: 'token_missing' });
    expect(guarded.service.received).toEqual([]);
  });

  it('passes an open route without an identity, whatever it claims to be', async () => {
    const response = await get('/catalog/books', { 'X-User-ID': 'eve', X_User_ID: 'eve' });
    const { url, headers } = (await response.json()) as Received;
    expect(url).toBe('/books');
    expect(Object.keys(headers).filter((name) => name.includes('user') && name !== 'user-agent')).toEqual([]);
  });

  it('is refused by ip-restriction before the token is looked at, whatever X-Forwarded-For says', async () => {
    const response = await get('/internal', { 'X-Forwarded-For': '10.0.0.1' });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ message: 'IP address not allowed: 127.0.0.1' });
  });

  it('gets 404 in the words of Kong when no route matches', async () => {
    const response = await get('/nowhere');
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      message: 'no Route matched with those values',
      request_id: response.headers.get('x-kong-request-id'),
    });
  });

  it.each(['//orders', '/./orders', '/x/../orders', '/%6frders', '/orders/%2e%2e/orders', '/orders;x', '/orders%2f'])(
    'cannot slip past a guarded route as %s',
    async (path) => {
      // fetch would tidy the path up.
      const response = await sendRaw(guarded.kong, rawGet(path, []));
      expect(response?.status).toBe(401);
      expect(guarded.service.received).toEqual([]);
    },
  );

  it.each(['/ORDERS', '/orders/..%2fcatalog'])('takes %s for what it is', async (path) => {
    const response = await sendRaw(guarded.kong, rawGet(path, []));
    expect(response?.status).toBe(path === '/ORDERS' ? 404 : 401);
  });
});
