import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { foldHeaderName } from '../../../schema/header-name';
import { startEchoService, type EchoService, type Received } from '../../support/echo-service';
import { describeGateway } from '../../support/gateways/describe-gateway';
import { startGateway, type RunningGateway } from '../../support/gateways/gateway-process';
import { type LocalDecisions, startLocalDecisions } from '../../support/gateways/local-decisions';
import { SHIPPED_GATEWAYS } from '../../support/gateways/shipped-gateways';
import { sendRaw } from '../../support/raw-http';
import { publicJwk, signingKey, signToken } from '../../support/tokens';

const key = signingKey('ES256', 'k1');
const CONFIG = {
  issuers: [{ issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
  identity_headers: [
    { header: 'X-User-ID', claim: 'sub', required: true },
    { header: 'X-User-Roles', claim: 'roles' },
    { header: 'X-User-Name', claim: 'name' },
  ],
  authorize: [{ methods: ['GET'], any_identity: true }],
};

/** What the service may be told of Ada, whose token has no name. */
const ADA = new Map([
  ['x-user-id', 'ada'],
  ['x-user-roles', 'user'],
]);

/** Lines that a client adds to a request to be somebody else, to lose what the gateway writes, or to be overlooked. */
const ATTACKS: readonly (readonly [name: string, lines: readonly string[]])[] = [
  ['a forged id', ['X-User-ID: evil']],
  ['a forged id twice', ['X-User-ID: evil', 'x-user-id: worse']],
  ['a forged name, which the token does not have', ['X-User-Name: evil']],
  ['an empty id', ['X-User-ID:']],
  ['a list of roles', ['X-User-Roles: user,root']],
  ['an anonymous caller', ['X-Anonymous-Consumer: true']],
  ['a reserved header that the policy does not write', ['X-User-Email: evil']],
  ['a consumer', ['X-Consumer-ID: evil', 'X-Consumer-Groups: root']],
  ['an identity token', ['X-Identity-Token: evil']],
  ...[
    'X_User_ID',
    'x_user-id',
    'X-User_ID',
    'X.User.ID',
    'X~User~ID',
    'X!User!ID',
    "X'User'ID",
    'X|User|ID',
    'X+User+ID',
  ].map((name) => [`the spelling ${name}`, [`${name}: evil`]] as const),
  ...['X_User_Name', 'X.User.Name', 'X*User*Name'].map((name) => [`the spelling ${name}`, [`${name}: evil`]] as const),
  ['a blank before the colon', ['X-User-ID : evil']],
  ['a tab before the name', ['\tX-User-ID: evil']],
  ['a folded line', ['X-Other: a', ' X-User-ID: evil', 'X-User-ID: evil']],
  ['a NUL in the name', ['X-User\0-ID: evil']],
  ['a bare CR', ['X-Other: a\rX-User-ID: evil']],
  ['a bare LF', ['X-Other: a\nX-User-ID: evil']],
  ['Connection that names the id', ['Connection: X-User-ID']],
  ['Connection that names the roles, beside close', ['Connection: close, x-user-roles']],
  ['Connection that names the roles, in odd blanks', ['Connection: ,,\tX-User-Roles ,']],
  ['Connection that names the token', ['Connection: Authorization']],
  ['several Connection lines', ['Connection: keep-alive', 'Connection: X-User-ID', 'Connection: X-User-Roles']],
  ['Connection in another spelling', ['Connection: X_User_ID', 'X_User_ID: evil']],
  ['Connection with an upgrade', ['Connection: Upgrade, X-User-ID', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']],
  ['Keep-Alive and Proxy-Connection', ['Keep-Alive: X-User-ID', 'Proxy-Connection: X-User-ID, X-User-Roles']],
  ['headers by which gateways ask', ['X-Original-Method: GET', 'X-Original-URI: /x', 'X-Original-Connection: close']],
  ['headers by which gateways forward', ['X-Forwarded-Method: GET', 'X-Forwarded-Uri: /x', 'X-Forwarded-Host: evil']],
  ['headers by which gateways are told', ['X-Decision-Set: X-Evil', 'X-Decision-Remove: X-User-ID', 'X-Evil: 1']],
  ['a header of Envoy’s', ['X-Envoy-Auth-Headers-To-Remove: x-user-id', 'X-Envoy-Original-Path: /x']],
  [
    'other spellings of X-Forwarded-For',
    ['X_Forwarded_For: 10.0.0.1', 'X-Forwarded_Host: evil', 'X-Real_IP: 10.0.0.1'],
  ],
  ['400 header lines', Array.from({ length: 400 }, (_, i) => `X-Filler-${i}: x`).concat('X-User-ID: evil')],
  ['1500 header lines', Array.from({ length: 1500 }, (_, i) => `X-Filler-${i}: x`).concat('X-User-ID: evil')],
  ['a header of 60 KB', [`X-Filler: ${'x'.repeat(60_000)}`, 'X-User-ID: evil']],
  ['a User-Agent of a health check', ['User-Agent: kube-probe/1.31', 'X-User-ID: evil']],
  ['a method override', ['X-HTTP-Method-Override: DELETE', 'X-User-ID: evil']],
];

const TARGETS = [
  ...['/', '/ping', '/healthz', '/health', '/ready', '/robots.txt', '/oauth2/auth', '/orders/../ping', '//ping'],
  ...['/.well-known/jwks.json', '/decide/orders', '/%2e%2e/ping', '/ping;/x', '/x?y=/ping', '/PING', '/@refused'],
];

/** What is wrong with what the service received. */
function leaks({ rawHeaders }: Received, token: string, isAnonymous: boolean): string[] {
  const seen = rawHeaders.flatMap((name, i) =>
    i % 2 === 0 ? [[name.toLowerCase(), rawHeaders[i + 1] ?? ''] as const] : [],
  );
  const problems = isAnonymous ? ['the request was passed on'] : [];
  const isIdentity = /^x-(user|consumer|authenticated|credential|anonymous|identity)-/;
  for (const [name, value] of seen) {
    if (isIdentity.test(foldHeaderName(name)) && ADA.get(name) !== value) problems.push(`${name}: ${value}`);
    if (value.includes(token)) problems.push(`the token in ${name}`);
    if (/^x-(forwarded-|real-ip)/.test(foldHeaderName(name)) && foldHeaderName(name) !== name) problems.push(name);
  }
  for (const [name] of ADA) if (seen.filter(([other]) => other === name).length !== 1) problems.push(`not one ${name}`);
  return problems;
}

for (const shipped of SHIPPED_GATEWAYS) {
  describeGateway(shipped, 'attacked with raw requests', () => {
    let service: EchoService;
    let decisions: LocalDecisions;
    let gateway: RunningGateway;
    let token: string;
    beforeAll(async () => {
      const exp = Math.floor(Date.now() / 1000) + 3_600;
      token = await signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', roles: ['user'], exp });
      service = await startEchoService();
      decisions = await startLocalDecisions(shipped.name, shipped.strips);
      const addresses = { decisions: decisions.address, service: { host: '127.0.0.1', port: service.port } };
      gateway = await startGateway(shipped, addresses, shipped.withHttp2 ?? ((text) => text));
      decisions.use(CONFIG);
    }, 60_000);
    afterAll(async () => {
      await gateway.stop();
      await decisions.stop();
      await service.stop();
    });

    /** Sends a request and returns its status, and what is wrong with what arrived. */
    async function attack(start: string, lines: readonly string[], withToken: boolean): Promise<[number, string[]]> {
      const before = service.received.length;
      const bearer = withToken ? [`Authorization: Bearer ${token}`] : [];
      const text = [start, 'Host: api.test', ...bearer, ...lines, 'Connection: close', '', ''].join('\r\n');
      const response = await sendRaw(gateway, text).catch(() => undefined);
      const arrived = service.received.slice(before);
      return [response?.status ?? 0, arrived.flatMap((each) => leaks(each, token, !withToken))];
    }

    it('passes a good request on, without its token', async () => {
      expect(await attack('GET /orders HTTP/1.1', [], true)).toEqual([200, []]);
    });

    it.each(ATTACKS)('lets the service see nothing false of a verified caller with %s', async (_, lines) => {
      const [, problems] = await attack('GET /orders HTTP/1.1', lines, true);
      expect(problems).toEqual([]);
    });

    it.each(ATTACKS)('lets nothing of a request without a token pass with %s', async (_, lines) => {
      const [status, problems] = await attack('GET /orders HTTP/1.1', lines, false);
      expect(problems).toEqual([]);
      expect(status === 0 || (status >= 400 && status < 600)).toBe(true);
    });

    it.each(TARGETS)('lets no request without a token pass for its path %s', async (target) => {
      const [status, problems] = await attack(`GET ${target} HTTP/1.1`, ['User-Agent: kube-probe/1.31'], false);
      expect(problems).toEqual([]);
      expect(status < 200 || status >= 300).toBe(true);
    });

    it.each(['HEAD', 'POST', 'OPTIONS', 'PUT', 'DELETE', 'PATCH', 'TRACE', 'PROPFIND', 'BREW'])(
      'lets no %s request without a token pass',
      async (method) => {
        const before = service.received.length;
        const [status] = await attack(`${method} /orders HTTP/1.1`, ['Content-Length: 0'], false);
        expect(service.received.length).toBe(before);
        expect(status < 200 || status >= 300).toBe(true);
      },
    );

    it.each([
      ['X-Forwarded-Method: GET'],
      ['X-Original-Method: GET'],
      ['x-forwarded-method: GET', 'X-Forwarded-Method: GET'],
      ['X_Original_Method: GET', 'X_Forwarded_Method: GET'],
      ['X-HTTP-Method-Override: GET', 'X-Method-Override: GET'],
    ])('does not take the word of a client for its method: %s', async (...lines) => {
      const before = service.received.length;
      const [status] = await attack('DELETE /orders HTTP/1.1', lines, true);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(service.received.length).toBe(before);
    });

    it('strips the same from a request over HTTP/2', async () => {
      const before = service.received.length;
      const forged = { 'x-user-id': 'evil', 'x-user-name': 'evil', x_user_id: 'evil', 'x-consumer-id': 'evil' };
      const { http2Port = gateway.port } = shipped;
      for (const headers of [{}, { 'x-user-id': 'evil' }, { 'x-user-name': 'evil' }, { x_user_id: 'evil' }, forged]) {
        await askHttp2(gateway.host, http2Port, { ...headers, authorization: `Bearer ${token}` });
        await askHttp2(gateway.host, http2Port, headers).then((status) => {
          expect(status).toBeGreaterThanOrEqual(400);
        });
      }
      const arrived = service.received.slice(before);
      expect(arrived.length).toBeGreaterThan(0);
      expect(arrived.flatMap((each) => leaks(each, token, false))).toEqual([]);
    });
  });
}

function askHttp2(host: string, port: number, headers: IncomingHttpHeaders): Promise<number> {
  return new Promise((resolve, reject) => {
    const session = connectHttp2(`http://${host}:${port}`);
    session.on('error', reject);
    const stream = session.request({ ':path': '/orders', ':authority': 'api.test', ...headers });
    stream.on('response', ({ ':status': status }) => {
      resolve(status ?? 0);
      session.close();
    });
    stream.on('error', reject);
    stream.resume().end();
  });
}
