import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { type EchoService, type Received, startEchoService } from '../support/echo-service';
import { type Kong, startKong } from '../support/kong';
import { describeKong } from '../support/kong-target';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const key = signingKey('ES256', 'k1');
const now = Math.floor(Date.now() / 1000);
const claims = { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', roles: ['admin'], iat: now, exp: now + 600 };

function configFor(service: string, extra = ''): string {
  return `
_format_version: '3.0'
_ignore:
  - &identity
    issuers: [{ issuer: 'https://auth.test/', audiences: [shop], jwks: '${JSON.stringify({ keys: [publicJwk(key)] })}' }]
plugins:
  - name: jwt-identity
    config: { <<: *identity }
services:
  - name: orders
    url: ${service}
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
${extra}
`;
}

describeKong('a request through the gateway', () => {
  let service: EchoService;
  let kong: Kong;
  let token: string;

  beforeAll(async () => {
    service = await startEchoService();
    kong = await startKong({ declarativeConfig: configFor(service.url) });
    token = await signToken(key, claims);
  });
  beforeEach(() => {
    service.received.length = 0;
  });
  afterAll(async () => {
    await kong.stop();
    await service.stop();
  });

  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(kong.proxyUrl + path, { headers });

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
    expect(service.received).toEqual([]);
  });

  it('passes an open route without an identity, whatever it claims to be', async () => {
    const response = await get('/catalog/books', { 'X-User-ID': 'eve', X_User_ID: 'eve' });
    const { url, headers } = (await response.json()) as Received;
    expect(url).toBe('/books');
    expect(Object.keys(headers).filter((name) => name.includes('user') && name !== 'user-agent')).toEqual([]);
  });

  it('is refused by ip-restriction before the token is looked at', async () => {
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
});
