import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { FAULTS, IdentityProvider } from '../support/identity-provider';
import { type ClientResponse, KongDouble } from '../support/kong-double';
import type { EventEnd } from '../support/kong-side';
import { type ServerProcess, startServer } from '../support/server-process';
import { signingKey, signToken, type SigningKey } from '../support/tokens';

const PLUGIN = resolve(__dirname, '../../dist/plugin/jwt-identity');
const [one, two] = [signingKey('ES256', 'key-1'), signingKey('ES256', 'key-2')];
/** Lives in seconds what otherwise takes minutes and hours. */
const QUICK = { ttl: 1, min_ttl: 1, max_ttl: 1, cooldown: 1, max_stale: 6, timeout_ms: 5000 };
/** Never gets old while a spec runs. */
const LASTING = { cooldown: 1, timeout_ms: 1000 };

/** The plugin as it runs in production: `serve` as a process, an identity provider, and Kong's side of the socket. */
describe('the answers of clients', () => {
  let provider: IdentityProvider;
  let server: ServerProcess;
  let kong: KongDouble;
  let isOver: boolean;
  beforeEach(async () => {
    isOver = false;
    provider = await IdentityProvider.start();
    provider.keys = [one];
    await start();
  });
  afterEach(async () => {
    isOver = true;
    await stop();
    await provider.stop();
  });

  const start = async (workers = 1): Promise<void> => {
    const flags = ['--workers', String(workers), '--deadline', '5', '--metrics', '127.0.0.1:0'];
    server = await startServer('--plugin', PLUGIN, ...flags);
    kong = new KongDouble(server.socketPath, 'jwt-identity');
  };
  const stop = async (): Promise<void> => {
    await kong.close();
    await server.stop();
  };
  const config = (keyFetch: object): object => ({
    issuers: [{ issuer: provider.issuer, audiences: ['shop'], jwks_uri: provider.jwksUri, key_fetch: keyFetch }],
  });
  const tokenOf = (key: SigningKey): Promise<string> => {
    const exp = Math.floor(Date.now() / 1000) + 600;
    return signToken(key, { iss: provider.issuer, sub: 'u1', aud: 'shop', exp });
  };
  const ask = (route: object, token: string): Promise<ClientResponse> =>
    kong.request(route, { host: 'shop', authorization: `Bearer ${token}` });

  /** Asks until an answer is as wanted; returns every status on the way, each once in a row. */
  const askUntil = async (
    status: number,
    route: object,
    token: string,
    isIt = (): boolean => true,
  ): Promise<number[]> => {
    const seen: number[] = [];
    while (seen.at(-1) !== status || !isIt()) {
      if (isOver) throw new Error(`the status became ${seen.join(', ')} and never ${status} as wanted`);
      const response = await ask(route, token);
      if (response.status !== seen.at(-1)) seen.push(response.status);
      await new Promise((next) => setTimeout(next, 10));
    }
    return seen;
  };
  const hasFile = (folder: string): boolean =>
    existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.json'));
  const metrics = async (): Promise<string> => {
    const [, address] = await server.logged(/publishing metrics address=(\S+)/);
    return (await fetch(`http://${address!}/metrics`)).text();
  };
  const stateIs = (state: string): RegExp =>
    new RegExp(`^jwt_identity_key_set_state\\{issuer="${provider.issuer}",state="${state}",worker="1"\\} 1$`, 'm');

  it('are good while keys rotate: the new one works with its first token, the old one until it is removed', async () => {
    const route = config(QUICK);
    const [first, second] = [await tokenOf(one), await tokenOf(two)];
    expect(await ask(route, first)).toMatchObject({ status: 200, serviceHeaders: { 'X-User-ID': 'u1' } });
    provider.keys = [one, two];
    expect(new Set(await askUntil(200, route, second)).has(503)).toBe(false);
    expect(await askUntil(200, route, first)).toEqual([200]);
    // The token of the removed key was verified and cached; it goes with its key.
    provider.keys = [two];
    // Without a first 200 on a machine so busy that the set was old before the next request.
    expect([[200, 401], [401]]).toContainEqual(await askUntil(401, route, first));
    expect(await askUntil(200, route, second)).toEqual([200]);
    const { headers, body } = await ask(route, first);
    expect(headers).toMatchObject({ 'WWW-Authenticate': expect.stringContaining('error="invalid_token"') });
    expect(body).toContain('"code":"token_untrusted"');
  });

  it('change at once when a setting of key_fetch does, as an operator would do with a leaked key', async () => {
    const token = await tokenOf(one);
    expect(await ask(config(LASTING), token)).toMatchObject({ status: 200 });
    provider.keys = [two];
    expect(await ask(config(LASTING), token)).toMatchObject({ status: 200 });
    expect(await ask(config({ ...LASTING, cooldown: 2 }), token)).toMatchObject({ status: 401 });
  });

  it('change in every worker when the server is told to read all keys anew, and stay when the provider fails', async () => {
    await stop();
    await start(2);
    // By connection, not by chance: a burst of connections often ends up at one worker.
    const connections = [await server.connectToWorker(1), await server.connectToWorker(2)];
    const id = (await connections[0]!.start(config({ cooldown: 3600 }), 'jwt-identity'))!;
    const headers = { host: 'shop', authorization: `Bearer ${await tokenOf(one)}` };
    const everywhere = (): Promise<EventEnd[]> =>
      Promise.all(connections.map((connection) => connection.event(id, { 'kong.request.get_headers': headers })));
    const proceeds = { outcome: 'proceed' };
    expect(await everywhere()).toMatchObject([proceeds, proceeds]);
    expect(provider.fetches).toBe(2);

    [provider.fault, provider.keys] = [FAULTS.error, [two]];
    server.process.kill('SIGHUP');
    await server.logged(/(keys could not be fetched [^]*){2}/);
    expect(await everywhere()).toMatchObject([proceeds, proceeds]);

    provider.fault = undefined;
    // Whoever signals all its processes means the same.
    for (const pid of [...server.childPids(), server.pid]) process.kill(pid, 'SIGHUP');
    await server.logged(/(keys were fetched again [^]*){2}/);
    expect(await everywhere()).toMatchObject([{ status: 401 }, { status: 401 }]);
    expect(server.stderr()).toMatch(/notice: fetching all keys again signal=SIGHUP/);
    expect(server.stderr()).not.toMatch(/worker died/);
  });

  it('are good in an outage as long as keys may be stale, then 503, then good again', async () => {
    const route = config(QUICK);
    const token = await tokenOf(one);
    expect(await askUntil(200, route, token)).toEqual([200]);
    provider.fault = FAULTS.hangUp;
    const isStale = (): boolean =>
      /keys are stale and used because the provider fails .*age_seconds=\d/.test(server.stderr());
    expect(await askUntil(200, route, token, isStale)).toEqual([200]);
    expect(await askUntil(401, route, await tokenOf(two))).toEqual([401]);
    expect(await metrics()).toMatch(stateIs('stale'));

    expect(await askUntil(503, route, token)).toEqual([200, 503]);
    const { headers, body } = await ask(route, token);
    expect(headers).toMatchObject({ 'Retry-After': expect.stringMatching(/^[1-6]$/), 'Cache-Control': 'no-store' });
    expect(headers).not.toHaveProperty('WWW-Authenticate');
    expect(body).toContain('"code":"keys_unavailable"');
    expect(await metrics()).toMatch(stateIs('unavailable'));
    expect(server.stderr()).toMatch(/error: no usable keys: requests are refused with 503 issuer=\S+ age_seconds=\d/);

    provider.fault = undefined;
    expect(await askUntil(200, route, token)).toEqual([503, 200]);
    expect(await metrics()).toMatch(stateIs('fresh'));
    expect(server.stderr()).not.toContain(token);
  });

  it('are 503 with Retry-After, not 401 and not 500, when the first fetch hangs', async () => {
    provider.fault = FAULTS.hang;
    const route = config({ ...LASTING, timeout_ms: 300 });
    const token = await tokenOf(one);
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(route, token)));
    for (const { status, headers } of answers) {
      expect(status).toBe(503);
      expect(headers).toMatchObject({ 'Retry-After': expect.stringMatching(/^[12]$/) });
    }
    expect(provider.fetches).toBe(1);
    provider.fault = undefined;
    expect(await askUntil(200, route, token)).toEqual([503, 200]);
  });

  it('are good while somebody sends tokens with random kids, who gets 401 and no more than a fetch a cooldown', async () => {
    const route = config({ ...LASTING, cooldown: 3600 });
    const token = await tokenOf(one);
    expect(await ask(route, token)).toMatchObject({ status: 200 });
    for (let turn = 0; turn < 50; turn++) {
      const forged = await signToken(two, { iss: provider.issuer, sub: 'root' }, { kid: `random-${turn}` });
      const answers = await Promise.all([ask(route, forged), ask(route, token), ask(route, token)]);
      expect(answers.map(({ status }) => status)).toEqual([401, 200, 200]);
    }
    expect(provider.fetches).toBe(1);
  });

  it('are good after a start in an outage when the keys were kept on disk, and only then', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keys-through-plugin-'));
    try {
      const cache = join(folder, 'keys');
      const kept = config({ ...LASTING, cache_directory: cache });
      const token = await tokenOf(one);
      expect(await ask(kept, token)).toMatchObject({ status: 200 });
      // The file is written in the background.
      while (!hasFile(cache)) await new Promise((next) => setTimeout(next, 5));
      await stop();
      provider.fault = FAULTS.error;
      await start();
      expect(await ask(kept, token)).toMatchObject({ status: 200, serviceHeaders: { 'X-User-ID': 'u1' } });
      expect(await ask(kept, await tokenOf(two))).toMatchObject({ status: 401 });
      expect(await ask(config(LASTING), token)).toMatchObject({ status: 503 });
      expect(server.stderr()).toContain('warn: keys of an earlier run are used until the provider answers');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('are 500 when ca_file cannot be read, and the log names the field', async () => {
    const route = config({ ...LASTING, ca_file: '/nowhere/ca.pem' });
    expect(await ask(route, await tokenOf(one))).toMatchObject({ status: 500 });
    expect(server.stderr()).toContain('config.issuers.key_fetch.ca_file: the file cannot be read (ENOENT)');
  });

  it('do not come from a server that was told to stop, however long a fetch hangs', async () => {
    provider.fault = FAULTS.hang;
    const pending = ask(config({ ...LASTING, timeout_ms: 9000 }), await tokenOf(one));
    while (provider.fetches === 0) await new Promise((next) => setTimeout(next, 5));
    server.process.kill('SIGTERM');
    expect(await server.ended).toBe(0);
    expect(await pending).toMatchObject({ status: 500, serviceHeaders: undefined });
  });
});
