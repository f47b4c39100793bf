/** The plugin server is killed and started anew while Redis is down, with the list on disk. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { redisStore } from '../../src/revocation/list-store';
import { type ClientResponse, KongDouble } from '../support/kong-double';
import { RedisServer, redisProblem } from '../support/redis-server';
import { type ServerProcess, startServer } from '../support/server-process';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const PLUGIN = resolve(__dirname, '../../dist/plugin/jwt-identity');
const ISSUER = 'https://auth.example.com/';
const WORKERS = 2;

const problem = redisProblem();
if (problem !== undefined) process.stderr.write(`SKIPPED: a restart while Redis is down (${problem})\n`);

(problem === undefined ? describe : describe.skip)('a plugin server that starts while Redis is down', () => {
  const key = signingKey('ES256', 'k1');
  let redis: RedisServer;
  let folder: string;
  let server: ServerProcess;
  let kong: KongDouble;
  beforeAll(async () => {
    redis = await RedisServer.start();
    folder = mkdtempSync(join(tmpdir(), 'redis-restart-'));
    await redisStore(redis.config()).init(Date.now() / 1000);
    await start();
  }, 60_000);
  afterAll(async () => {
    await stop();
    await redis.end();
    rmSync(folder, { recursive: true });
  });

  const start = async (): Promise<void> => {
    const flags = ['--workers', String(WORKERS), '--deadline', '5', '--metrics', '127.0.0.1:0'];
    server = await startServer('--plugin', PLUGIN, ...flags);
    kong = new KongDouble(server.socketPath, 'jwt-identity');
  };
  const stop = async (): Promise<void> => {
    await kong.close();
    await server.stop();
  };
  const now = (): number => Math.floor(Date.now() / 1000);
  const revoke = (name: string): Promise<unknown> => {
    const entry = { issuer: ISSUER, kind: 'sub', name, issuedBefore: undefined, exp: now() + 3600 } as const;
    return redisStore(redis.config()).add(entry, now());
  };
  const ask = async (
    sub: string,
    listFetch: object = { cache_directory: join(folder, 'lists') },
  ): Promise<ClientResponse> => {
    const token = await signToken(key, { iss: ISSUER, aud: 'shop', sub, exp: now() + 600 });
    const config = {
      issuers: [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
      revocation_lists: [{ redis: { host: '127.0.0.1', port: redis.port, timeout: 1000 }, list_fetch: listFetch }],
    };
    return kong.request(config, { host: 'shop', authorization: `Bearer ${token}` });
  };
  const until = async (isSo: () => Promise<boolean> | boolean): Promise<void> => {
    while (!(await isSo())) await new Promise((next) => setTimeout(next, 20));
  };

  it('rejects what was revoked before, accepts other tokens, and follows Redis when it is back', async () => {
    await revoke('ada');
    expect([(await ask('ada')).status, (await ask('bob')).status]).toEqual([401, 200]);
    await until(() => {
      const names = readdirSync(join(folder, 'lists')).filter((name) => name.endsWith('.json'));
      return names.some((name) => readFileSync(join(folder, 'lists', name), 'utf8').includes('"sub":"ada"'));
    });
    await redis.kill();
    const killedAtMs = Date.now();
    for (const pid of server.childPids()) process.kill(pid, 'SIGKILL');
    server.process.kill('SIGKILL');
    await stop();
    await start();
    // Connections go to both workers by chance.
    for (let turn = 0; turn < 10; turn += 1) {
      const answers = await Promise.all(Array.from({ length: 10 }, (_, index) => ask(index % 2 === 0 ? 'ada' : 'bob')));
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 5 }, () => [401, 200]).flat());
    }
    expect(await ask('bob', {})).toMatchObject({ status: 503 });
    expect(server.stderr()).toContain('warn: revocations of an earlier run are used until the provider answers');
    // The metric says how old the list is, not for how long this process has had it.
    const [, address = ''] = await server.logged(/publishing metrics address=(\S+)/);
    const leastSeconds = (Date.now() - killedAtMs) / 1000;
    const metrics = await (await fetch(`http://${address}/metrics`)).text();
    const [, age] = /^jwt_identity_revocation_list_age_seconds\{.* (\S+)$/m.exec(metrics) ?? [];
    expect(Number(age)).toBeGreaterThanOrEqual(leastSeconds);
    await redis.restart();
    await revoke('bob');
    await until(async () => (await ask('bob')).status === 401);
    expect([(await ask('ada')).status, (await ask('eve')).status]).toEqual([401, 200]);
  }, 120_000);
});
