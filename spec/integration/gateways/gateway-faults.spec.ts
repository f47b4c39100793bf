/** What goes wrong within a gateway itself: its script, its memory, its room, and what else its file may say. */
import { createServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { startEchoService, type EchoService } from '../../support/echo-service';
import { describeGateway } from '../../support/gateways/describe-gateway';
import { startGateway, type RunningGateway } from '../../support/gateways/gateway-process';
import { type LocalDecisions, startLocalDecisions } from '../../support/gateways/local-decisions';
import { SHIPPED_GATEWAYS } from '../../support/gateways/shipped-gateways';
import { rawGet, sendRaw } from '../../support/raw-http';
import { publicJwk, signingKey, signToken } from '../../support/tokens';

const key = signingKey('ES256', 'k1');
const CONFIG = {
  issuers: [{ issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
  identity_headers: [
    { header: 'X-User-ID', claim: 'sub', required: true },
    { header: 'X-User-Roles', claim: 'roles' },
  ],
};
/** More than fit into a megabyte. */
const REQUESTS = 60;
const PAD = `X-Pad: ${'a'.repeat(14_000)}`;
const FORGED = 'X-User-ID: mallory';
/** Answers to requests that nobody decided about; `undefined` when the connection was cut. */
const NOT_SERVED: readonly unknown[] = [undefined, 500];

function shipped(name: string): (typeof SHIPPED_GATEWAYS)[number] {
  return SHIPPED_GATEWAYS.find((gateway) => gateway.name === name)!;
}

let service: EchoService;
let decisions: LocalDecisions;
let gateway: RunningGateway | undefined;

function withParts(name: string, body: () => void): void {
  describeGateway(shipped(name), 'with a fault of its own', () => {
    beforeEach(async () => {
      service = await startEchoService();
      decisions = await startLocalDecisions(shipped(name).name, shipped(name).strips);
      decisions.use(CONFIG);
    });
    afterEach(async () => {
      await gateway?.stop();
      gateway = undefined;
      await decisions.stop();
      await service.stop();
    });
    body();
  });
}

/** Starts a gateway whose shipped files were edited. */
async function start(name: string, edit: (text: string) => string, status?: number): Promise<RunningGateway> {
  const addresses = { decisions: decisions.address, service: { host: '127.0.0.1', port: service.port } };
  gateway = await startGateway(shipped(name), addresses, edit, status);
  return gateway;
}

async function statusOf(at: RunningGateway, lines: readonly string[]): Promise<number | undefined> {
  const answer = await sendRaw(at, rawGet('/orders', lines)).catch(() => undefined);
  return answer?.status;
}

withParts('haproxy', () => {
  it('passes no request on when the script ends with an error', async () => {
    const broken = 'local function finish() error("x") end\nlocal function pcall() error("x") end\n';
    const running = await start('haproxy', (text) => text.replace('core.register_action(', `${broken}$&`), 500);
    expect(await statusOf(running, [FORGED])).toBe(500);
    expect(service.received).toEqual([]);
  }, 60_000);

  it('passes no request on when there is no memory left for the script', async () => {
    // Takes questions and answers none, so that their scripts wait, and hold memory.
    let asked = 0;
    const silent: Server = createServer((socket) => {
      asked += 1;
      socket.resume().on('error', () => undefined);
    });
    await new Promise<void>((resolve) => {
      silent.listen(0, '127.0.0.1', resolve);
    });
    const dst = `dst = txn.f:path() == "/ready" and SERVER or "ipv4@127.0.0.1:${(silent.address() as AddressInfo).port}"`;
    const running = await start('haproxy', (text) =>
      text.replace(/^global$/m, '$&\n\ttune.lua.maxmem 1').replace('dst = SERVER', dst),
    );
    const statuses: (number | undefined)[] = [];
    const waiting: Promise<unknown>[] = [];
    for (let sent = 1; sent <= REQUESTS; sent += 1) {
      waiting.push(statusOf(running, [FORGED, PAD]).then((status) => statuses.push(status)));
      // One after the other: each waits for the decision server, or is answered.
      while (asked + statuses.length < sent) await new Promise((resolve) => setImmediate(resolve));
    }
    while (statuses.length === 0) await new Promise((resolve) => setImmediate(resolve));
    silent.close();
    expect(service.received).toEqual([]);
    expect(statuses.filter((status) => !NOT_SERVED.includes(status))).toEqual([]);
    await running.stop();
    gateway = undefined;
    await Promise.all(waiting);
  }, 60_000);

  it('refuses a request that has no room left for an identity header', async () => {
    const exp = Math.floor(Date.now() / 1000) + 3_600;
    const roles = Array.from({ length: 200 }, (_, i) => `role-${i}-0123456789`);
    const token = await signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', roles, exp });
    // The token stays, so that it leaves no room behind.
    decisions.use({ ...CONFIG, hide_credentials: false });
    const running = await start('haproxy', (text) => text);
    const statuses = new Set<number | undefined>();
    for (let length = 13_200; length < 15_000; length += 60) {
      const lines = [
        ...Array.from({ length: 4 }, () => `X-Pad: ${'a'.repeat(length)}`),
        `Authorization: Bearer ${token}`,
      ];
      statuses.add(await statusOf(running, lines));
    }
    for (const { headers } of service.received) {
      expect(headers['x-user-id']).toEqual(['ada']);
      expect(headers['x-user-roles']).toEqual([roles.join(',')]);
    }
    expect([...statuses].sort()).toEqual([200, 400, 500]);
  }, 60_000);
});

withParts('nginx', () => {
  const PAGE = 'location = /page.html { default_type text/plain; return 200 page; }';
  for (const [what, lines] of [
    ['a page with another status takes the place of an error', 'error_page 500 502 504 =200 /page.html;'],
    ['pages take the place of refusals', 'proxy_intercept_errors on; error_page 401 403 404 =200 /page.html;'],
    ['an address is enough', 'satisfy any; allow 127.0.0.0/8;'],
  ] as const) {
    it(`passes no request on, with and without a decision server, when ${what} in the server around`, async () => {
      const edit = (text: string): string => text.replace(/^ +listen .*;$/m, `$&\n${PAGE}\n${lines}`);
      const running = await start('nginx', edit);
      expect(await statusOf(running, [FORGED])).toBe(401);
      await decisions.stop();
      expect(await statusOf(running, [FORGED])).toBe(500);
      expect(service.received).toEqual([]);
    }, 60_000);
  }
});
