import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { PACKAGE_VERSION } from '../../src/protocol/verdict';
import { startEchoService, type EchoService } from '../support/echo-service';
import { describeHandler, startHandlerKong, type HandlerKong } from '../support/handler-kong';
import { IdentityProvider } from '../support/identity-provider';
import { freePorts } from '../support/kong-itself';
import type { NativePluginServer } from '../support/kong-native';
import { runCommand } from '../support/server-process';
import { rawGet, sendRaw, type RawResponse } from '../support/raw-http';
import { publicJwk, signingKey, signToken, type SigningKey } from '../support/tokens';

const key = signingKey('ES256', 'k1');
const ISSUER = 'https://auth.test/';
const issuers = [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }];
const ROOT = resolve(__dirname, '../..');
/** How much later than it should a busy machine may do something, in milliseconds. */
const SLACK_MS = 5_000;

function tokenFor(sub: string, changes: object = {}, by: SigningKey = key): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return signToken(by, { iss: ISSUER, aud: 'shop', sub, roles: ['admin'], iat: now, exp: now + 600, ...changes });
}
const route = (name: string, config: object, more: object[] = []): object => ({
  name,
  paths: [`/${name}`],
  plugins: [{ name: 'jwt-identity', config: { issuers, ...config } }, ...more],
});
const kongYml = (url: string, routes: object[], more: object = {}): string =>
  JSON.stringify({ _format_version: '3.0', services: [{ name: 's', url, routes }], ...more });
const bearer = (token: string): string => `Authorization: Bearer ${token}`;

let service: EchoService;
let kong: HandlerKong;
beforeAll(async () => {
  service = await startEchoService();
});
afterEach(() => kong.stop());
afterAll(() => service.stop());

async function get(path: string, ...lines: string[]): Promise<RawResponse> {
  const response = await sendRaw(kong, rawGet(path, lines));
  if (response === undefined) throw new Error('Kong closed the connection without an answer');
  return response;
}
const statusOf = async (path: string, ...lines: string[]): Promise<number> => (await get(path, ...lines)).status;
/** Asks until the answer has this status, and returns how long that took, in milliseconds. */
async function until(status: number, ask: () => Promise<number>, limitMs = 30_000): Promise<number> {
  const from = performance.now();
  for (;;) {
    const seen = await ask();
    const passedMs = performance.now() - from;
    if (seen === status) return passedMs;
    if (passedMs > limitMs) throw new Error(`still ${seen}, not ${status}`);
    await new Promise((onTime) => setTimeout(onTime, 50));
  }
}
async function metric(port: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

describeHandler("the handler inside Kong's worker", () => {
  it('says at the start which file Kong has loaded', async () => {
    kong = await startHandlerKong({ declarativeConfig: kongYml(service.url, [route('a', {})]) });
    const file = join(ROOT, 'dist/lua/kong/plugins/jwt-identity/handler.lua');
    expect(kong.log()).toContain(`handler ${PACKAGE_VERSION} decides with the plugin server, loaded from @${file}`);
  }, 90_000);

  it('removes forged headers from the second request of a known caller as from the first', async () => {
    const routes = [
      route('a', {}),
      route('cookies', { cookie_names: ['t'] }),
      route('query', { uri_param_names: ['t'] }),
    ];
    kong = await startHandlerKong({ declarativeConfig: kongYml(service.url, routes) });
    const [ada, bob] = await Promise.all([tokenFor('ada'), tokenFor('bob')]);
    const attacks: (readonly [path: string, lines: readonly string[], status: number])[] = [
      ['/a', ['X-User-ID: evil'], 200],
      ['/a', ['x_user_id: evil'], 200],
      ['/a', ['X_User-Id: evil', 'X-User.Roles: evil'], 200],
      ['/a', ['X-Consumer-Username: evil', 'X-Credential-Identifier: evil'], 200],
      ['/a', ['Connection: X-User-ID'], 400],
      ['/a', ['Connection: keep-alive, x-user-roles'], 400],
      ['/a', [bearer(bob)], 400],
      ['/a', Array.from({ length: 999 }, (_, index) => `X-${index}: 1`), 400],
      ['/cookies', [`Cookie: t=${bob}`], 400],
      [`/query?t=${bob}`, [], 400],
    ];
    for (const turn of [1, 2, 3]) {
      for (const path of ['/a', '/cookies', '/query']) {
        const known = await get(path, bearer(ada));
        expect([turn, path, known.status]).toEqual([turn, path, 200]);
      }
      for (const [path, lines, status] of attacks) {
        const { status: seen, body } = await get(path, bearer(ada), ...lines);
        expect([turn, lines.slice(0, 2), seen]).toEqual([turn, lines.slice(0, 2), status]);
        expect(body).not.toContain('evil');
        if (status === 200) expect(body).toMatch(/"x-user-id":\["ada"\]/);
      }
    }
  }, 90_000);

  it('never repeats an answer to another caller, route, method or configuration', async () => {
    const routes = [
      route('open', {}),
      route('admin', { authorize: [{ methods: ['GET'], roles: ['admin'] }, { roles: ['root'] }] }),
      route('other', { identity_headers: [{ header: 'X-User-Who', claim: 'sub' }] }),
    ];
    kong = await startHandlerKong({ declarativeConfig: kongYml(service.url, routes) });
    const tokens = { ada: await tokenFor('ada'), bob: await tokenFor('bob', { roles: ['user'] }) };
    for (let turn = 0; turn < 3; turn += 1) {
      for (const [name, token] of Object.entries(tokens)) {
        expect((await get('/open', bearer(token))).body).toContain(`"x-user-id":["${name}"]`);
        expect((await get('/other', bearer(token))).body).toMatch(
          new RegExp(`^(?!.*x-user-id).*"x-user-who":\\["${name}"\\]`),
        );
        expect(await statusOf('/admin', bearer(token))).toBe(name === 'ada' ? 200 : 403);
        const post = rawGet('/admin', [bearer(token), 'Content-Length: 0']).replace('GET', 'POST');
        expect((await sendRaw(kong, post))?.status).toBe(403);
      }
    }
  }, 90_000);

  it('lets known tokens go on for their seconds while the plugin server is gone, and refuses everything else', async () => {
    const routes = [route('a', { worker_cache_ttl: 5 })];
    kong = await startHandlerKong({ declarativeConfig: kongYml(service.url, routes) });
    const [ada, bob] = await Promise.all([tokenFor('ada'), tokenFor('bob')]);
    expect(await statusOf('/a', bearer(ada))).toBe(200);
    expect(await statusOf('/a')).toBe(401);
    kong.killServer();
    expect(await statusOf('/a', bearer(bob))).toBe(500);
    expect(await statusOf('/a', bearer(`${ada}x`))).toBe(500);
    expect(await statusOf('/a', bearer(ada), 'x_user_id: evil')).toBe(500);
    expect(await until(500, () => statusOf('/a', bearer(ada)))).toBeLessThan(5_000 + SLACK_MS);
    await until(500, () => statusOf('/a'));
    for (let attempt = 0; attempt < 20; attempt += 1) {
      expect(await statusOf('/a', bearer(attempt % 2 === 0 ? ada : bob))).toBe(500);
      expect(await statusOf('/a')).toBe(500);
    }
    const before = service.received.length;
    expect(await statusOf('/a', 'X-User-ID: evil')).toBe(500);
    expect(service.received.length).toBe(before);
    kong.releaseServer();
    await until(200, () => statusOf('/a', bearer(bob)));
    expect(await statusOf('/a', bearer(ada))).toBe(200);
    expect(await statusOf('/a')).toBe(401);
  }, 120_000);

  it('answers 500 when the stock plugin server is killed, with which Kong itself would let every request pass', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'stock-'));
    kong = await startHandlerKong(
      { declarativeConfig: kongYml(service.url, [route('a', { worker_cache_ttl: 0 })]) },
      stockServer(folder),
    );
    const ada = await tokenFor('ada');
    for (let turn = 0; turn < 2; turn += 1) {
      expect(await statusOf('/a', bearer(ada))).toBe(200);
      expect(await statusOf('/a')).toBe(401);
    }
    kong.killServer();
    const before = service.received.length;
    for (let turn = 0; turn < 5; turn += 1) {
      expect(await statusOf('/a')).toBe(500);
      const { status, body, headers } = await get('/a', bearer(ada));
      expect([status, headers['content-type']]).toEqual([500, ['application/problem+json']]);
      expect(JSON.parse(body)).toMatchObject({ code: 'internal_error' });
    }
    expect(service.received.length).toBe(before);
    expect(kong.log()).toContain('code=internal_error reason="the plugin server left no verdict"');
    rmSync(folder, { recursive: true });
  }, 120_000);

  it('refuses to work with a plugin server of another version, and says so', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'handler-'));
    cpSync(join(ROOT, 'dist/lua'), folder, { recursive: true });
    const file = join(folder, 'kong/plugins/jwt-identity/handler.lua');
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(PACKAGE_VERSION, '0.0.9'));
    const declarativeConfig = kongYml(service.url, [route('a', {})]);
    // It never serves, which is the point: the harness waits for 401.
    const starting = startHandlerKong({ declarativeConfig, patienceMs: 15_000 }, undefined, folder);
    await expect(starting).rejects.toThrow(`its handler has version 0.0.9, this plugin server ${PACKAGE_VERSION}`);
    kong = { stop: () => Promise.resolve() } as HandlerKong;
    rmSync(folder, { recursive: true });
  }, 120_000);

  it('ends with the token', async () => {
    kong = await startHandlerKong({
      declarativeConfig: kongYml(service.url, [route('a', { leeway: 0, worker_cache_ttl: 10 })]),
    });
    const exp = Math.ceil(Date.now() / 1000) + 2;
    const token = await tokenFor('ada', { exp });
    expect(await statusOf('/a', bearer(token))).toBe(200);
    let latestMs = 0;
    await until(401, async () => {
      const sentMs = Date.now();
      const status = await statusOf('/a', bearer(token));
      if (status === 200) latestMs = sentMs;
      return status;
    });
    expect(latestMs).toBeLessThan(exp * 1000);
  }, 90_000);

  it('lets a removed key go on for the documented bound at most', async () => {
    const provider = await IdentityProvider.start();
    const [old, next] = [signingKey('ES256', 'old'), signingKey('ES256', 'next')];
    provider.keys = [old, next];
    const keyFetch = { ttl: 1, min_ttl: 1, max_ttl: 1, cooldown: 1, max_stale: 60, timeout_ms: 500 };
    const issuer = { issuer: provider.issuer, audiences: ['shop'], jwks_uri: provider.jwksUri, key_fetch: keyFetch };
    kong = await startHandlerKong({
      declarativeConfig: kongYml(service.url, [route('a', { issuers: [issuer], worker_cache_ttl: 5 })]),
    });
    const [a, b] = await Promise.all([old, next].map((by) => tokenFor('ada', { iss: provider.issuer }, by)));
    await until(200, () => statusOf('/a', bearer(a!)));
    expect(await statusOf('/a', bearer(b!))).toBe(200);
    provider.keys = [next];
    const goneMs = await until(401, async () => {
      // Other callers keep the set in use, so that it is fetched when it is due.
      await statusOf('/a', bearer(b!));
      return statusOf('/a', bearer(a!));
    });
    expect(goneMs).toBeLessThan(5_000 + 2_000 + SLACK_MS);
    expect(await statusOf('/a', bearer(b!))).toBe(200);
    await provider.stop();
  }, 120_000);

  it('forgets with each POST /config, under load', async () => {
    const rules = (allowed: string): string =>
      kongYml(service.url, [route('a', { authorize: [{ roles: [allowed] }], worker_cache_ttl: 10 })]);
    kong = await startHandlerKong({ declarativeConfig: rules('admin') });
    const ada = await tokenFor('ada');
    let isRunning = true;
    const seen = new Set<number>();
    const clients = Array.from({ length: 4 }, async () => {
      while (isRunning) seen.add(await statusOf('/a', bearer(ada)));
    });
    for (const allowed of ['root', 'admin', 'root', 'admin', 'root']) {
      await kong.reload(rules(allowed));
      for (let turn = 0; turn < 10; turn += 1) {
        expect([allowed, await statusOf('/a', bearer(ada))]).toEqual([allowed, allowed === 'root' ? 403 : 200]);
      }
    }
    isRunning = false;
    await Promise.all(clients);
    expect([...seen].toSorted()).toEqual([200, 403]);
  }, 120_000);

  it('counts repeated answers within ten seconds, and the last ones when a worker ends', async () => {
    const [metrics] = await freePorts();
    const folder = mkdtempSync(join(tmpdir(), 'served-'));
    const socket = join(folder, 'p.socket');
    const logPath = join(folder, 'log');
    const fileLog = { name: 'file-log', config: { path: logPath } };
    // Run by hand: it outlives Kong's workers, and so do its counters.
    const flags = ['serve', '--socket', socket, '--workers', '1', '--metrics', String(metrics), '--until-stdin-ends'];
    const server = runCommand(flags);
    await server.logged(/serving socket=/);
    const config = { worker_cache_ttl: 10, log_decisions: 'all' };
    kong = await startHandlerKong(
      { declarativeConfig: kongYml(service.url, [route('a', config, [fileLog])]) },
      { ...packagedQuery(), socket },
    );
    const decisions = (): Promise<number> => metric(metrics, 'jwt_identity_decisions_total');
    const repeated = (): Promise<number> => metric(metrics, 'jwt_identity_repeated_decisions_total');
    const start = await decisions();
    const ada = await tokenFor('ada');
    for (let turn = 0; turn < 30; turn += 1) {
      expect(await statusOf('/a', bearer(ada))).toBe(200);
      expect(await statusOf('/a')).toBe(401);
    }
    await until(start + 60, decisions, 10_000);
    expect(await repeated()).toBeGreaterThan(40);
    expect(await metric(metrics, 'jwt_identity_key_uses_total')).toBe(30);
    expect(await metric(metrics, 'jwt_identity_token_cache_lookups_total{')).toBe(30);
    expect(await metric(metrics, 'jwt_identity_handler_instances')).toBeGreaterThan(0);
    const health = runCommand(['health', '--socket', socket]);
    await health.ended;
    expect(health.stdout()).toBe(`serving jwt-identity; handler in Kong's worker: ${PACKAGE_VERSION}\n`);

    for (let turn = 0; turn < 5; turn += 1) expect(await statusOf('/a', bearer(ada))).toBe(200);
    process.kill(kong.pid, 'SIGHUP');
    await until(start + 65, decisions, 10_000);
    // Asked and repeated ones, by route.
    await until(65, () => metric(metrics, 'jwt_identity_route_decisions_total{route="a",'), 10_000);
    expect(await metric(metrics, 'jwt_identity_route_decisions_total{route="other"')).toBe(0);

    const entries = readFileSync(logPath, 'utf8')
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { jwt_identity?: object }).jwt_identity);
    const proceed = { outcome: 'proceed', code: 'proceed', issuer: ISSUER, kid: 'k1' };
    const refuse = { outcome: 'refuse', code: 'token_missing', reason: 'no bearer token', status: 401 };
    expect(entries.filter((entry) => JSON.stringify(entry).includes('proceed'))).toEqual(Array(35).fill(proceed));
    expect(entries.filter((entry) => JSON.stringify(entry).includes('refuse'))).toEqual(Array(30).fill(refuse));
    server.process.stdin?.end();
    await server.ended;
    rmSync(folder, { recursive: true });
  }, 120_000);
});

function packagedQuery(): NativePluginServer {
  const queryCommand = `${process.execPath} ${join(ROOT, 'dist/src/cli/main.js')} dump`;
  return { plugin: 'jwt-identity', queryCommand, startCommand: undefined };
}

/** kong-js-pluginserver with this package's plugin, built: it loads every folder of the one that it is given. */
function stockServer(folder: string): NativePluginServer {
  const command = `${process.execPath} ${join(ROOT, 'node_modules/kong-pdk/bin/kong-js-pluginserver')} -d ${join(ROOT, 'dist/plugin')}`;
  const socket = join(folder, 's.socket');
  return {
    plugin: 'jwt-identity',
    socket,
    queryCommand: `${command} --dump-all-plugins`,
    startCommand: () => `${command} --kong-prefix ${folder} --sock-name s.socket`,
  };
}
