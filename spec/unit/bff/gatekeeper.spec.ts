import { beforeAll, describe, expect, it } from '@jest/globals';
import '../../support/quiet-log';
import { ConfigError } from '../../../schema/config-error';
import { createGatekeeper, type Admission, type Gatekeeper } from '../../../src/bff/gatekeeper';
import { forwardedHeaders } from '../../../src/bff/web-request';
import { publicJwk, signingKey, signToken } from '../../support/tokens';

const ISSUER = 'https://auth.example.com/';
const ORIGIN = 'https://shop.example.com';
const key = signingKey('ES256', 'k');
const config = { issuers: [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }] };
const session = { cookie: '__Host-session', origin: ORIGIN };

let token: string;
beforeAll(async () => {
  token = await signToken(key, { iss: ISSUER, aud: 'shop', sub: 'ada', roles: ['admin'], exp: 4_000_000_000 });
});

type Init = Readonly<{ method?: string; headers?: Record<string, string>; query?: string }>;
const ask = (gatekeeper: Gatekeeper, { query = '', ...init }: Init): ReturnType<Gatekeeper['decide']> =>
  gatekeeper.decide(new Request(`${ORIGIN}/api/orders${query}`, init));
const withCookie = (headers: Record<string, string> = {}): Record<string, string> => ({
  cookie: `theme=dark; __Host-session=${token}`,
  ...headers,
});

describe('a gatekeeper whose configuration names a resource', () => {
  const resource_metadata = { resource: 'https://shop.example.com/mcp' };
  const gatekeeper = createGatekeeper({ ...config, resource_metadata });
  const url = `${ORIGIN}/.well-known/oauth-protected-resource/mcp`;

  it('answers requests for its metadata, and names them in the challenge', async () => {
    const response = gatekeeper.resourceMetadata(new Request(`${url}?a=1`))!;
    expect(await response.json()).toMatchObject({
      resource: resource_metadata.resource,
      authorization_servers: [ISSUER],
    });
    expect(gatekeeper.resourceMetadata(new Request(url, { method: 'OPTIONS' }))?.status).toBe(204);
    const decision = await ask(gatekeeper, {});
    const { headers } = (decision as Exclude<typeof decision, Admission>).response;
    expect(headers.get('www-authenticate')).toBe(`Bearer realm="service", resource_metadata="${url}"`);
  });

  it('answers no other request so, and none without a resource', () => {
    expect(gatekeeper.resourceMetadata(new Request(`${ORIGIN}/mcp`))).toBeUndefined();
    expect(createGatekeeper(config).resourceMetadata(new Request(url))).toBeUndefined();
  });
});

describe('a refusal by a gatekeeper', () => {
  it('names the trace of the request, if it has one', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traced = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    const bodies = [traced, {}].map(async (headers) => {
      const decision = await ask(createGatekeeper(config), { headers });
      return (decision as Exclude<typeof decision, Admission>).response.json();
    });
    expect(await bodies[0]).toMatchObject({ code: 'token_missing', trace_id: traceId });
    expect(await bodies[1]).not.toHaveProperty('trace_id');
  });
});

describe('a gatekeeper with a session cookie', () => {
  const gatekeeper = createGatekeeper(config, { session });

  it('knows the caller by the cookie, and by a header', async () => {
    const identityHeaders = { 'X-User-ID': 'ada', 'X-User-Roles': 'admin' };
    for (const headers of [withCookie(), { authorization: `Bearer ${token}` }]) {
      expect(await ask(gatekeeper, { headers })).toMatchObject({
        outcome: 'proceed',
        claims: { sub: 'ada' },
        identityHeaders,
      });
    }
  });

  it('has identity headers that hold the identity, and nothing else of the request', async () => {
    const headers = withCookie({ 'x-user-roles': 'root', x_user_id: 'evil' });
    const decision = (await ask(gatekeeper, { headers })) as Admission;
    expect(decision.identityHeaders).toEqual({ 'X-User-ID': 'ada', 'X-User-Roles': 'admin' });
  });

  it('passes no header of a connection, a message or a proxy on, in any spelling', () => {
    const names = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];
    names.push('expect', 'proxy-authorization', 'http2-settings', 'host', 'content-length', 'forwarded', 'cookie');
    for (const name of names.flatMap((each) => [each, each.replaceAll('-', '_')])) {
      const request = new Request(ORIGIN, { headers: { [name]: '1', 'x-other': '2' } });
      expect([...forwardedHeaders(request, {})]).toEqual([['x-other', '2']]);
    }
  });

  it.each(['GET', 'HEAD', 'OPTIONS'])('does not ask where a %s comes from, which changes nothing', async (method) => {
    const headers = withCookie({ 'sec-fetch-site': 'cross-site' });
    expect(await ask(gatekeeper, { method, headers })).toMatchObject({ outcome: 'proceed' });
  });

  it('passes nothing on that a browser must not say to a service', async () => {
    const decision = (await ask(gatekeeper, {
      query: '?a=1',
      headers: withCookie({
        'x-user-id': 'evil',
        x_user_roles: 'root',
        'x-forwarded-for': '10.0.0.1',
        x_forwarded_for: '10.0.0.1',
        'x-real_ip': '10.0.0.1',
        http2_settings: 'x',
        keep_alive: 'x',
        forwarded: 'for=10.0.0.1',
        connection: 'close, x-hop',
        'x-hop': '1',
        x_hop: '1',
        host: 'evil.test',
        accept: 'application/json',
      }),
    })) as Admission;
    expect(Object.fromEntries(decision.forwardedHeaders)).toEqual({
      'x-user-id': 'ada',
      'x-user-roles': 'admin',
      accept: 'application/json',
    });
    expect(decision.search).toBe('?a=1');
  });

  it.each<[string, string, Record<string, string>]>([
    ['the browser says so', 'POST', { 'sec-fetch-site': 'cross-site', origin: ORIGIN }],
    ['it comes from a sister domain', 'POST', { 'sec-fetch-site': 'same-site' }],
    ['nobody caused it', 'POST', { 'sec-fetch-site': 'none' }],
    ['the origin is another', 'DELETE', { origin: 'https://evil.test' }],
    ['the origin is hidden', 'PUT', { origin: 'null' }],
    ['nothing tells where it comes from', 'PATCH', {}],
  ])('refuses a request that changes something when %s', async (_, method, headers) => {
    const decision = await ask(gatekeeper, { method, headers: withCookie(headers) });
    expect(decision).toMatchObject({ outcome: 'refuse', code: 'cross_site_request', response: { status: 403 } });
  });

  it.each<[string, string, Record<string, string>]>([
    ['it is safe', 'GET', { 'sec-fetch-site': 'cross-site' }],
    ['it comes from the own origin', 'POST', { 'sec-fetch-site': 'same-origin' }],
    ['an older browser names the own origin', 'POST', { origin: ORIGIN }],
  ])('lets a request with a cookie pass when %s', async (_, method, headers) => {
    expect(await ask(gatekeeper, { method, headers: withCookie(headers) })).toMatchObject({ outcome: 'proceed' });
  });

  it.each([
    ['has a blank after its name', '__Host-session =t'],
    ['comes after a tab', 'theme=dark;\t__Host-session=t'],
    ['is one of cookie_names', 'access=t'],
  ])('refuses a cross-site request whose cookie %s', async (_, cookie) => {
    const both = createGatekeeper({ ...config, cookie_names: ['access'] }, { session });
    const headers = { cookie: cookie.replace(/t$/, token), 'sec-fetch-site': 'cross-site' };
    expect(await ask(both, { method: 'POST', headers })).toMatchObject({ code: 'cross_site_request' });
    expect(await ask(both, { headers })).toMatchObject({ outcome: 'proceed', claims: { sub: 'ada' } });
  });

  it.each(['https://shop.example.com/', 'https://SHOP.example.com', 'https://shop.example.com:443'])(
    'compares the origin in the form that browsers send when it is written as %s',
    async (origin) => {
      const own = createGatekeeper(config, { session: { ...session, origin } });
      expect(await ask(own, { method: 'POST', headers: withCookie({ origin: ORIGIN }) })).toMatchObject({
        outcome: 'proceed',
      });
    },
  );

  it.each([
    ...['', 'null', '*', 'shop.example.com', 'https:shop.example.com', ' https://shop.example.com', 'file:///tmp'],
    ...['https://shop.example.com/shop', 'https://shop.example.com/?', 'https://u:p@shop.example.com', 'data:,x'],
    ...['https://shop.example.com\\', 'https://shop.example.com/#x'],
  ])('cannot be made with the origin "%s"', (origin) => {
    expect(() => createGatekeeper(config, { session: { ...session, origin } })).toThrow('session.origin: ');
  });

  it.each(['', 'a b', 'a=b', 'a;b', ' session', 'sessión'])('cannot be made with the cookie "%s"', (cookie) => {
    expect(() => createGatekeeper(config, { session: { ...session, cookie } })).toThrow('session.cookie: ');
  });

  it('takes a cookie that cookie_names also lists', async () => {
    const own = createGatekeeper({ ...config, cookie_names: [session.cookie] }, { session });
    expect(await ask(own, { headers: withCookie() })).toMatchObject({ outcome: 'proceed' });
  });

  it('does not ask where a request without the cookie comes from', async () => {
    const headers = { authorization: `Bearer ${token}`, 'sec-fetch-site': 'cross-site' };
    expect(await ask(gatekeeper, { method: 'POST', headers })).toMatchObject({ outcome: 'proceed' });
  });
});

describe('a gatekeeper', () => {
  it('takes a cookie only where the configuration or the BFF says so', async () => {
    const decision = await ask(createGatekeeper(config), { headers: withCookie() });
    expect(decision).toMatchObject({ outcome: 'refuse', code: 'token_missing' });
  });

  it('has no claims for an anonymous request', async () => {
    const decision = await ask(createGatekeeper({ ...config, allow_missing: true }), {});
    expect(decision).toMatchObject({
      outcome: 'proceed',
      claims: undefined,
      identityHeaders: { 'X-Anonymous-Consumer': 'true' },
    });
  });

  it('cannot be made with cookie_names and without an origin', () => {
    expect(() => createGatekeeper({ ...config, cookie_names: ['access'] })).toThrow(
      'config.cookie_names: needs session.origin',
    );
  });

  it('refuses what it does not understand', async () => {
    const decision = await createGatekeeper(config).decide(Object.create(Request.prototype) as Request);
    expect(decision).toMatchObject({ outcome: 'refuse', code: 'internal_error', response: { status: 500 } });
  });

  it.each([
    ['is wrong', { issuers: [] }],
    ['needs Kong', { ...config, consumer_claim: 'sub', consumer_by: 'username' }],
  ])('cannot be made of a configuration that %s', (_, wrong) => {
    expect(() => createGatekeeper(wrong)).toThrow(ConfigError);
  });
});
