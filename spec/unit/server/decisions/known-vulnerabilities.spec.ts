import { describe, expect, it } from '@jest/globals';
import { Refusal } from '../../../../src/core/refusal/refusal';
import { createGatekeepers } from '../../../../src/gatekeeper/gatekeeper';
import type { Stripping } from '../../../../src/server/decisions/gateway';
import { abilitiesOf, type GatewayName, HTTP_GATEWAYS } from '../../../../src/server/decisions/gateways';
import { envoyQuestion } from '../../../../src/server/decisions/gateways/envoy-grpc';
import { openPolicies, type Outcome } from '../../../../src/server/decisions/policies';
import { createReject } from '../../../../src/server/decisions/rejection';
import { publicJwk, signingKey, signToken } from '../../../support/tokens';

const key = signingKey('ES256', 'k1');
const config = {
  issuers: [{ issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
  identity_headers: [
    { header: 'X-User-ID', claim: 'sub', required: true },
    { header: 'X-User-Name', claim: 'name' },
  ],
  authorize: [{ methods: ['GET'], any_identity: true }],
};
const logger = { log: () => undefined, isEnabled: () => false };
const token = await0();
async function await0(): Promise<string> {
  const exp = Math.floor(Date.now() / 1000) + 600;
  return signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', exp });
}

/** Asks as a gateway does over HTTP, with lines that the client sent. */
async function ask(
  name: keyof typeof HTTP_GATEWAYS,
  lines: readonly string[],
  {
    method = 'GET',
    stripping = 'answered',
    withToken = true,
  }: { method?: string; stripping?: Stripping; withToken?: boolean } = {},
): Promise<{ readonly outcome: Outcome; readonly answer: readonly string[] }> {
  const gateway = HTTP_GATEWAYS[name];
  const policies = openPolicies(
    { orders: config },
    {
      openGatekeeper: createGatekeepers({ log: () => undefined }),
      signingKeys: '',
      gateway: abilitiesOf(name satisfies GatewayName),
      stripping,
      logger,
      reject: createReject(logger),
    },
  );
  const asked = {
    envoy: [],
    traefik: ['X-Forwarded-Method', method, 'X-Forwarded-Uri', '/orders'],
    caddy: ['X-Forwarded-Method', method, 'X-Forwarded-Uri', '/orders'],
    nginx: ['X-Original-Method', method, 'X-Original-URI', '/orders'],
    haproxy: ['X-Original-Method', method, 'X-Original-URI', '/orders'],
  }[name];
  const bearer = withToken ? ['Authorization', `Bearer ${await token}`] : [];
  const question = gateway.read({ method, url: '/orders', rawHeaders: [...bearer, ...lines, ...asked] });
  if (question instanceof Refusal) throw new Error(question.reason);
  const outcome = await policies.decide(question.policy, question.request);
  const answer = outcome.outcome === 'proceed' ? gateway.permit(outcome.permission).headers : [];
  return { outcome, answer };
}

const codeOf = ({ outcome }: { outcome: Outcome }): unknown =>
  outcome.outcome === 'refuse' ? (JSON.parse(outcome.response.body) as { code: string }).code : 'proceed';

describe('what went wrong in others', () => {
  it('Traefik CVE-2026-35051: X-Forwarded-Prefix, which the gateway may leave to the client, decides nothing', async () => {
    const lines = ['X-Forwarded-Prefix', '/public', 'X-Forwarded-Host', 'internal.test', 'X-Forwarded-Proto', 'https'];
    expect(codeOf(await ask('traefik', lines, { withToken: false }))).toBe('token_missing');
    expect(codeOf(await ask('traefik', lines, { method: 'DELETE' }))).toBe('forbidden');
  });

  it('Traefik CVE-2026-39858: an alias with underscores of what the gateway says is not read, and refused where it would stay', async () => {
    const lines = ['X_Forwarded_Method', 'GET', 'X_Forwarded_Uri', '/public'];
    expect(codeOf(await ask('traefik', lines, { method: 'DELETE', stripping: 'everything' }))).toBe('forbidden');
    expect(codeOf(await ask('traefik', ['X_Forwarded_For', '10.0.0.1']))).toBe('headers_forged');
  });

  it.each(['X.User.ID', 'X_User_ID', 'X~User~ID'])(
    'Traefik CVE-2026-33433, -54763, -88011: the alias %s of an identity header is refused where the gateway replaces names only',
    async (alias) => {
      expect(codeOf(await ask('traefik', [alias, 'evil']))).toBe('headers_forged');
      expect(codeOf(await ask('nginx', [alias, 'evil']))).toBe('headers_forged');
      expect(codeOf(await ask('caddy', [alias, 'evil']))).toBe('headers_forged');
    },
  );

  it.each(['haproxy', 'envoy'] as const)(
    'an alias of an identity header is removed by %s, which is told to',
    async (name) => {
      const { outcome, answer } = await ask(name, ['X.User.ID', 'evil']);
      expect(outcome.outcome).toBe('proceed');
      expect(answer.join(' ')).toContain('x.user.id');
    },
  );

  it('Traefik CVE-2026-54764, oauth2-proxy CVE-2026-40575: what a client says of its own target decides nothing', async () => {
    // The gateway's line is there as well: two lines of one name are an error, whoever is first.
    const lines = ['X-Forwarded-Uri', '/public', 'X-Original-URI', '/public'];
    for (const name of ['traefik', 'nginx', 'caddy', 'haproxy'] as const) {
      expect(codeOf(await ask(name, lines, { withToken: false }))).toBe('token_missing');
    }
    expect(() =>
      HTTP_GATEWAYS.traefik.read({
        method: 'GET',
        url: '/orders',
        rawHeaders: ['X-Forwarded-Method', 'GET', 'x-forwarded-method', 'DELETE'],
      }),
    ).not.toThrow();
    const question = HTTP_GATEWAYS.traefik.read({
      method: 'GET',
      url: '/orders',
      rawHeaders: ['X-Forwarded-Method', 'GET', 'x-forwarded-method', 'DELETE'],
    });
    expect(question).toMatchObject({ code: 'configuration_error' });
  });

  it('oauth2-proxy CVE-2026-34457: the User-Agent of a health check passes nothing', async () => {
    for (const agent of ['GoogleHC/1.0', 'kube-probe/1.31', 'ELB-HealthChecker/2.0']) {
      expect(codeOf(await ask('nginx', ['User-Agent', agent], { withToken: false }))).toBe('token_missing');
    }
  });

  it('Caddy GHSA-7r4p-vjf4-gxv4: a header without a value is answered, so that the one of the client cannot stay', async () => {
    for (const name of ['caddy', 'nginx'] as const) {
      const { answer } = await ask(name, ['X-User-Name', 'evil']);
      expect(answer.slice(answer.indexOf('X-User-Name')).slice(0, 2)).toEqual(['X-User-Name', '']);
      expect(answer).toContain('X-Anonymous-Consumer');
    }
  });

  it('the same with nothing promised of the gateway: a forged identity header is refused', async () => {
    for (const name of ['traefik', 'nginx', 'caddy'] as const) {
      expect(codeOf(await ask(name, ['X-User-Name', 'evil'], { stripping: 'nothing' }))).toBe('headers_forged');
      expect(codeOf(await ask(name, ['X-User-ID', 'ada'], { stripping: 'nothing' }))).toBe('headers_forged');
    }
  });

  it('fastify-http-proxy CVE-2026-33805: Connection that names an identity header is refused where the gateway tells it', async () => {
    for (const name of ['nginx', 'caddy', 'haproxy'] as const) {
      expect(codeOf(await ask(name, ['X-Original-Connection', 'close, X-User-ID']))).toBe('connection_header_abuse');
    }
  });

  it('Envoy CVE-2026-26308: lines of a header are told apart, and a check that joins them is refused', () => {
    const line = (value: string): { key: string; value: string; rawValue: Uint8Array } => ({
      key: 'x-token',
      value,
      rawValue: new Uint8Array(),
    });
    const http = { method: 'GET', path: '/orders?a=1', headerMap: { headers: [line('a'), line('b')] } };
    const contextExtensions = [{ key: 'policy', value: 'orders' }];
    const question = envoyQuestion({ attributes: { request: { http }, contextExtensions } });
    expect(question).toEqual({
      policy: 'orders',
      request: { headers: expect.anything(), method: 'GET', rawQuery: 'a=1' },
    });
    expect((question as { request: { headers: object } }).request.headers).toMatchObject({ 'x-token': ['a', 'b'] });
    const joined = envoyQuestion({
      attributes: { request: { http: { method: 'GET', path: '/' } }, contextExtensions },
    });
    expect(joined).toMatchObject({ code: 'configuration_error' });
    const nameless = envoyQuestion({ attributes: { request: { http }, contextExtensions: [] } });
    expect(nameless).toMatchObject({ code: 'configuration_error' });
  });

  it('the token does not travel on, and other credentials do', async () => {
    const { answer } = await ask('nginx', ['Cookie', 'a=1', 'Cookie', 'b=2']);
    expect(answer.slice(answer.indexOf('Authorization')).slice(0, 2)).toEqual(['Authorization', '']);
    expect(answer.slice(answer.indexOf('Cookie')).slice(0, 2)).toEqual(['Cookie', 'a=1; b=2']);
  });
});
