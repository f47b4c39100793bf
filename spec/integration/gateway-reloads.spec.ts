import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type EchoService, startEchoService } from '../support/echo-service';
import { freePorts } from '../support/kong-itself';
import { launchNativeKong, type NativeKong, packagedServer } from '../support/kong-native';
import { describeKong, kongTarget } from '../support/kong-target';
import { rawGet, sendRaw } from '../support/raw-http';

/** New routes of each configuration. With 2500, Kong answers requests while it takes a configuration over. */
const ROUTES = Number(process.env['RELOADS_ROUTES'] ?? 8);
/** Enough for LuaJIT to compile Kong's router; Kong 3.9.3 failed after 22. */
const RELOADS = Number(process.env['RELOADS'] ?? 40);
/** `off` shows what Kong 3.9.3 does without it. */
const hasTopLevel = process.env['RELOADS_TOP_LEVEL'] !== 'off';

const ISSUER = 'https://auth.test/';
const config = { issuers: [{ issuer: ISSUER, audiences: ['shop'], secret: 'a secret that never signed any token' }] };
const plugins = [{ name: 'jwt-identity', config }];

/** The plugin at the top level, new routes with the plugin, and a route that Kong may fail to change. */
function kongYml(url: string, number: number): string {
  const routes = Array.from({ length: ROUTES }, (_, i) => ({
    name: `r${i}-${number}`,
    paths: [`/r${i}-${number}/`],
    plugins,
  }));
  const changed = {
    name: 'changed',
    paths: [`/changed${number % 2}`],
    methods: ['GET'],
    hosts: ['*.test'],
    headers: { 'x-one': ['1'] },
  };
  return JSON.stringify({
    _format_version: '3.0',
    ...(hasTopLevel && { plugins }),
    services: [{ url, routes: [{ ...changed, plugins }, ...routes] }],
  });
}

function describeReloads(name: string, body: () => void): void {
  if (kongTarget === 'native') describeKong(name, body);
  else describe.skip(`${name} (with KONG_TARGET=native only)`, body);
}

describeReloads('new routes while Kong takes a configuration over', () => {
  let service: EchoService;
  let kong: NativeKong;
  let port: number;
  let adminPort: number;

  beforeAll(async () => {
    service = await startEchoService();
    [port, adminPort] = await freePorts();
    const environment = {
      KONG_DATABASE: 'off',
      KONG_PROXY_LISTEN: `127.0.0.1:${port}`,
      KONG_ADMIN_LISTEN: `127.0.0.1:${adminPort}`,
      KONG_ADMIN_GUI_LISTEN: 'off',
      KONG_STATUS_LISTEN: 'off',
      KONG_NGINX_WORKER_PROCESSES: '1',
      KONG_ANONYMOUS_REPORTS: 'off',
    };
    kong = await launchNativeKong({ declarativeConfig: kongYml(service.url, 0), environment }, [packagedServer([])]);
    await until(async () => (await statusOf('/r0-0/')) === 401, 60_000);
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    await service.stop();
  });

  const statusOf = async (path: string): Promise<number | undefined> =>
    (await sendRaw({ host: '127.0.0.1', port }, rawGet(path, [])))?.status;

  it('are reached by no request without a token when the plugin is at the top level, even after a reload that failed', async () => {
    let isEnding = false;
    for (let number = 1; number <= RELOADS && !isEnding; number += 1) {
      let isTaken = false;
      const client = async (route: number): Promise<void> => {
        while (!isTaken) await statusOf(`/r${route}-${number}/${Math.random()}`);
      };
      const clients = [0, Math.floor(ROUTES / 2), ROUTES - 1].map(client);
      await post(kongYml(service.url, number));
      const isServed = await until(
        async () => (await statusOf(`/r${ROUTES - 1}-${number}/${Math.random()}`)) === 401,
        5_000,
      );
      isTaken = true;
      await Promise.all(clients);
      isEnding = !isServed || kong.log().includes('declarative reconfigure failed');
    }
    process.stderr.write(`a reload ${isEnding ? 'has' : 'has not'} failed\n`);
    expect(service.received.map(({ url }) => url)).toEqual([]);
  }, 300_000);

  async function post(text: string): Promise<void> {
    const response = await fetch(`http://127.0.0.1:${adminPort}/config`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ config: text }),
      signal: AbortSignal.timeout(60_000),
    });
    expect([response.status, (await response.text()).slice(0, 200)]).toEqual([201, expect.anything()]);
  }
});

/** Resolves with whether it became true in time. */
async function until(isTrue: () => Promise<boolean>, patienceMs: number): Promise<boolean> {
  const deadline = performance.now() + patienceMs;
  while (performance.now() < deadline) {
    if (await isTrue()) return true;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return false;
}
