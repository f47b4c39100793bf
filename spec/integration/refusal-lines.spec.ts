import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startEchoService, type EchoService } from '../support/echo-service';
import { startKong, type Kong } from '../support/kong';
import { hasHandler } from '../support/kong-native';
import { describeKong, kongTarget } from '../support/kong-target';
import { rawGet, sendRaw } from '../support/raw-http';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const key = signingKey('ES256', 'k1');
const ISSUER = 'https://auth.test/';
const issuers = [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }];

function tokenFor(changes: object = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return signToken(key, {
    iss: ISSUER,
    aud: 'shop',
    sub: 'SECRETSUB',
    roles: ['SECRETROLE'],
    exp: now + 600,
    ...changes,
  });
}

interface Refused {
  readonly status: number;
  readonly code: unknown;
  readonly traceId: string | undefined;
  readonly line: string;
}

/**
 * Kong with its default log level. What it says of a refusal must lead from the id in the answer to the reason.
 */
describeKong('the line that a refusal leaves in the log', () => {
  let service: EchoService;
  let kong: Kong;
  beforeAll(async () => {
    service = await startEchoService();
    const entry = (config: object): object[] => [{ name: 'jwt-identity', config }];
    const routes = [
      { name: 'any', paths: ['/any'], plugins: entry({ issuers }) },
      { name: 'admin', paths: ['/admin'], plugins: entry({ issuers, authorize: [{ roles: ['root', 'ops'] }] }) },
      { name: 'query', paths: ['/query'], plugins: entry({ issuers, uri_param_names: ['access_token'] }) },
      // Kong's schema takes it; that the key is of no use shows when the plugin opens it.
      {
        name: 'broken',
        paths: ['/broken'],
        plugins: entry({ issuers: [{ issuer: ISSUER, audiences: ['shop'], jwks: '{"keys":[]}', public_key: null }] }),
      },
    ];
    kong = await startKong({
      // Kong's default. Without the handler, lines about requests with a query are the plugin server's, which needs info.
      ...(hasHandler && { environment: { KONG_LOG_LEVEL: 'notice' } }),
      declarativeConfig: JSON.stringify({
        _format_version: '3.0',
        services: [{ name: 'shop', url: service.url, routes }],
      }),
    });
  }, 90_000);
  afterAll(async () => {
    await kong.stop();
    await service.stop();
  });

  /** Sends a request, and returns its answer and the line that the id in the answer finds. */
  async function refused(path: string, ...lines: string[]): Promise<Refused> {
    const response = await sendRaw(kong, rawGet(path, lines));
    const { code, request_id: id, trace_id: traceId } = JSON.parse(response?.body ?? '') as Record<string, string>;
    expect(id).toMatch(/^\w+$/);
    const find = (): string | undefined =>
      kong
        .log()
        .split('\n')
        .find((line) => line.includes('request refused') && line.includes(`request_id=${id!}`));
    const until = Date.now() + 20_000;
    while (find() === undefined && Date.now() < until) await new Promise((onTime) => setTimeout(onTime, 20));
    return { status: response?.status ?? 0, code, traceId, line: find() ?? `no line for ${id!} in:\n${kong.log()}` };
  }

  it('names the request, the route, the service, the code and the roles that are needed', async () => {
    const { status, line } = await refused('/admin', `Authorization: Bearer ${await tokenFor()}`);
    expect(status).toBe(403);
    expect(line).toMatch(
      /request refused request_id=\w+ route=admin service=shop code=forbidden reason="authorize\[1\]: none of the roles" accepted="root, ops" issuer=https:\/\/auth\.test\/ kid=k1/,
    );
    expect(line.match(/request_id=/g)).toHaveLength(1);
  });

  it('names the trace of each request without a token, as the answer does, also when the worker repeats the answer', async () => {
    for (const digit of ['1', '2', '3']) {
      const traceId = digit.repeat(32);
      const { line, traceId: named } = await refused('/any', `traceparent: 00-${traceId}-00f067aa0ba902b7-01`);
      expect(named).toBe(traceId);
      expect(line).toContain(` trace_id=${traceId} `);
    }
    const { line, traceId } = await refused('/any', 'traceparent: 00-SECRET-00f067aa0ba902b7-01');
    expect(traceId).toBeUndefined();
    expect(line).not.toMatch(/trace_id|SECRET/);
  });

  it('names the configured issuers, and how iss differs from one of them', async () => {
    const { line } = await refused('/any', `Authorization: Bearer ${await tokenFor({ iss: 'https://auth.test' })}`);
    expect(line).toMatch(
      /reason="iss is none of the issuers" hint="[^"]* last slash only" accepted=https:\/\/auth\.test\//,
    );
  });

  it('is there for each request without a token, also when the worker repeats the answer', async () => {
    for (let request = 0; request < 3; request += 1) {
      const { code, line } = await refused('/any');
      expect(code).toBe('token_missing');
      expect(line).toMatch(/route=any service=shop code=token_missing reason="no bearer token"/);
    }
  });

  it('says why no request can pass under a configuration that cannot be used', async () => {
    const { status, line } = await refused('/broken', `Authorization: Bearer ${await tokenFor()}`);
    expect(status).toBe(500);
    expect(line).toMatch(/route=broken service=shop code=configuration_error reason=".*config\.issuers.*"/);
  });

  it('holds no token, no claim and no query, whatever the client sent', async () => {
    const marked = await tokenFor({ iss: 'https://evil.test/SECRETISS', aud: 'SECRETAUD' });
    const other = await signToken(signingKey('ES256', 'SECRETKID'), { iss: ISSUER, aud: 'shop', sub: 'SECRETSUB' });
    const lines = [
      await refused('/any', `Authorization: Bearer ${marked}`),
      await refused('/any', `Authorization: Bearer ${other}`),
      await refused('/any', 'Authorization: Bearer SECRETTEXT'),
      await refused('/admin', `Authorization: Bearer ${await tokenFor()}`),
      await refused(`/any?access_token=${marked}`),
      await refused(`/query?access_token=${marked}`),
    ].map(({ line }) => line);
    for (const line of lines) {
      expect(line).toContain('request refused');
      expect(line).not.toMatch(/SECRET|eyJ|access_token/);
    }
  });

  it('is written for few requests of a flood, and the others are counted', async () => {
    const before = kong.log().length;
    for (let request = 0; request < 100; request += 1)
      await sendRaw(kong, rawGet('/query', ['Authorization: Basic x']));
    const lines = (): string[] =>
      kong
        .log()
        .slice(before)
        .split('\n')
        .filter((line) => line.includes('route=query'));
    const until = Date.now() + 20_000;
    while (lines().length === 0 && Date.now() < until) await new Promise((onTime) => setTimeout(onTime, 20));
    // One budget for each worker of Kong; each gives 20 lines and two more a second.
    expect(lines().length).toBeLessThan(90);
  });

  if (kongTarget === 'native') {
    it('is written at the level that Kong shows by default', () => {
      expect(kong.log()).toMatch(/\[notice\] [^\n]*request refused request_id=/);
    });
  }
});
