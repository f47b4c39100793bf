/**
 * Tokens are revoked under load while Redis is killed, frozen, emptied and restarted, and while a list at a URL fails,
 * hangs, is no list and is an old one. `npm run chaos` does it more often.
 */
import { once } from 'node:events';
import { Agent, createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { redisStore } from '../../src/revocation/list-store';
import { crowd, statusOf } from '../support/crowd';
import { type Kong, startKong } from '../support/kong';
import { hasHandler } from '../support/kong-native';
import { describeKong, kongTarget } from '../support/kong-target';
import { RedisServer, redisProblem } from '../support/redis-server';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const ROUNDS = Number(process.env['CHAOS_ROUNDS'] ?? 1);
const CLIENTS = 4;
const REQUESTS_A_CROWD = 80;
const ISSUER = 'https://auth.test/';
const MAX_STALE_SECONDS = 3;
/** `worker_cache_ttl`: how long the handler inside Kong's worker may repeat an answer. */
const WORKER_SECONDS = kongTarget === 'native' && hasHandler ? 5 : 0;
/** docs/REVOCATION.md: the delay of the source, which is a second here, `max_stale` in an outage, and the worker. */
const BOUND_MS = (1 + MAX_STALE_SECONDS + WORKER_SECONDS) * 1_000;
/** How much later than it should a busy machine may do something, in milliseconds. */
const SLACK_MS = 6_000;
const SOURCES = ['redis', 'url'] as const;
type Source = (typeof SOURCES)[number];

/** A token, and since when it is known to be revoked: written to Redis, or in the list that is served. */
interface Caller {
  readonly source: Source;
  readonly name: string;
  readonly token: string;
  revokedAtMs: number;
}

const problem = redisProblem();
if (problem !== undefined) process.stderr.write(`SKIPPED: revocations while everything breaks (${problem})\n`);

const describeChaos = problem === undefined ? describeKong : describe.skip;
describeChaos('while its lists of revoked tokens break, the gateway', () => {
  const key = signingKey('ES256', 'k1');
  const callers: Caller[] = [];
  const agent = new Agent({ keepAlive: true, maxSockets: CLIENTS });
  const violations: string[] = [];
  const answers: Record<string, number> = {};
  let redis: RedisServer;
  let lists: Server;
  let serveList: (response: ServerResponse) => void;
  let service: Server;
  let kong: Kong;

  const listText = (revoked: readonly Caller[], iat = Math.floor(Date.now() / 1000)): string =>
    JSON.stringify({ iat, revocations: revoked.map(({ name }) => ({ iss: ISSUER, sub: name, exp: iat + 3600 })) });
  const isRevoked = ({ revokedAtMs }: Caller): boolean => revokedAtMs < Infinity;
  const goodList = (response: ServerResponse): void => {
    response.end(listText(callers.filter((caller) => caller.source === 'url' && isRevoked(caller))));
  };
  const portOf = (server: Server): number => (server.address() as AddressInfo).port;

  beforeAll(async () => {
    redis = await RedisServer.start();
    await redisStore(redis.config()).init(Date.now() / 1000);
    serveList = goodList;
    lists = createServer((_, response) => {
      serveList(response);
    }).listen(0, '127.0.0.1');
    service = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    await Promise.all([once(lists, 'listening'), once(service, 'listening')]);
    const exp = Math.floor(Date.now() / 1000) + 3600;
    for (let index = 0; index < 100 * ROUNDS; index += 1) {
      const [source, name] = [SOURCES[index % 2]!, `user-${index}`];
      const token = await signToken(key, { iss: ISSUER, aud: 'shop', sub: name, exp });
      callers.push({ source, name, token, revokedAtMs: Infinity });
    }
    kong = await startKong({ declarativeConfig: declaration(), serveFlags: ['--workers', '2', '--deadline', '5'] });
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    agent.destroy();
    service.close();
    lists.closeAllConnections();
    lists.close();
    await redis.end();
  });

  const declaration = (): string => {
    const route = (name: Source, list: object): object => ({
      name,
      paths: [`/${name}`],
      plugins: [
        {
          name: 'jwt-identity',
          config: {
            issuers: [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
            revocation_lists: [{ ...list, max_stale: MAX_STALE_SECONDS }],
          },
        },
      ],
    });
    const often = { ttl: 1, min_ttl: 1, max_ttl: 1, cooldown: 1, timeout_ms: 500 };
    const routes = [
      route('redis', { redis: { host: '127.0.0.1', port: redis.port, timeout: 500 } }),
      route('url', { url: `http://127.0.0.1:${portOf(lists)}/`, list_fetch: often }),
    ];
    const services = [{ name: 's', url: `http://127.0.0.1:${portOf(service)}`, routes }];
    return JSON.stringify({ _format_version: '3.0', services });
  };

  /** Asks as a caller. A token that passes later than it may is noted. */
  const ask = async (caller: Caller): Promise<number> => {
    const sentAtMs = performance.now();
    const headers = { Authorization: `Bearer ${caller.token}` };
    const status = await statusOf(`${kong.proxyUrl}/${caller.source}`, headers, agent);
    const lateMs = sentAtMs - caller.revokedAtMs - BOUND_MS - SLACK_MS;
    if (status === 200 && lateMs > 0) violations.push(`${caller.source} ${caller.name}: ${Math.round(lateMs)} ms late`);
    const what = `${caller.source} ${isRevoked(caller) ? 'revoked' : 'valid'} ${status}`;
    answers[what] = (answers[what] ?? 0) + 1;
    return status;
  };

  let serial = 0;
  /** How many of a list may still be revoked, so that valid ones are left. */
  const left = { redis: 0, url: 0 };
  /** Callers of both lists; some are revoked before their turn, where their list can be written to now. */
  const callersOf = (writable: Readonly<Record<Source, boolean>>): Promise<void> =>
    crowd(CLIENTS, REQUESTS_A_CROWD, async () => {
      const caller = callers[(serial * 7) % callers.length]!;
      serial += 1;
      if (writable[caller.source] && !isRevoked(caller) && left[caller.source] > 0) {
        left[caller.source] -= 1;
        await revoke(caller);
      }
      await ask(caller);
    });
  const revoke = async (caller: Caller): Promise<void> => {
    const now = Math.floor(Date.now() / 1000);
    const entry = { issuer: ISSUER, kind: 'sub', name: caller.name, issuedBefore: undefined, exp: now + 3600 } as const;
    if (caller.source === 'redis') await redisStore(redis.config()).add(entry, now);
    caller.revokedAtMs = performance.now();
  };
  const [ALL, NOT_REDIS, NOT_URL] = [
    { redis: true, url: true },
    { redis: false, url: true },
    { redis: true, url: false },
  ];
  const valid = (source: Source): Caller => callers.find((each) => each.source === source && !isRevoked(each))!;
  /** The crowd goes on until a valid caller of a list gets this status. */
  const until = async (source: Source, status: number, writable = ALL): Promise<void> => {
    while ((await ask(valid(source))) !== status) {
      expect(violations).toEqual([]);
      await callersOf(writable);
    }
  };

  const disturbances: Readonly<Record<string, () => Promise<void>>> = {
    'Redis is killed, and comes back': async () => {
      await redis.kill();
      await until('redis', 503, NOT_REDIS);
      await redis.restart();
      await until('redis', 200);
    },
    'Redis is restarted at once': async () => {
      await redis.kill();
      await redis.restart();
      await callersOf(ALL);
    },
    'Redis is frozen': async () => {
      redis.freeze();
      await until('redis', 503, NOT_REDIS);
      redis.thaw();
      await until('redis', 200);
    },
    'Redis is emptied, and the list is begun anew': async () => {
      await redis.send(['FLUSHALL']);
      await until('redis', 503, NOT_REDIS);
      await redisStore(redis.config()).init(Date.now() / 1000);
      // What was known stays. A worker that was still in its pause needs the entries again (docs/REVOCATION.md).
      for (const caller of callers) if (caller.source === 'redis' && isRevoked(caller)) await revoke(caller);
      await until('redis', 200);
    },
    'the list at a URL fails': async () => {
      serveList = (response): void => void response.writeHead(500).end();
      await until('url', 503, NOT_URL);
    },
    'the list at a URL hangs': async () => {
      serveList = (): void => undefined;
      await until('url', 503, NOT_URL);
    },
    'the list at a URL is none': async () => {
      serveList = (response): void => void response.end('<html>');
      await until('url', 503, NOT_URL);
    },
    'the list at a URL is an old one': async () => {
      serveList = (response): void => void response.end(listText([], 1));
      await until('url', 503, NOT_URL);
    },
  };

  it(
    'accepts no revoked token later than it says, and serves again each time',
    async () => {
      for (let round = 0; round < ROUNDS; round += 1) {
        for (const disturb of Object.values(disturbances)) {
          await until('url', 200);
          await until('redis', 200);
          Object.assign(left, { redis: 3, url: 3 });
          await callersOf(ALL);
          Object.assign(left, { redis: 2, url: 2 });
          await disturb();
          serveList = goodList;
        }
      }
      await until('url', 200);
      await until('redis', 200);
      const revoked = callers.filter(isRevoked);
      // The other worker may be in the pause after a failure.
      for (const caller of [...revoked, ...revoked]) {
        while ((await ask(caller)) !== 401) expect(violations).toEqual([]);
      }
      for (const caller of [...revoked, ...revoked]) expect(await ask(caller)).not.toBe(200);
      expect(violations).toEqual([]);
      // Otherwise nothing was tried.
      for (const source of SOURCES) {
        expect(revoked.filter((each) => each.source === source).length).toBeGreaterThan(5 * ROUNDS);
        for (const what of ['revoked 401', 'valid 200', 'valid 503', 'revoked 503']) {
          expect([`${source} ${what}`, answers[`${source} ${what}`]]).toEqual([
            `${source} ${what}`,
            expect.any(Number),
          ]);
        }
      }
      console.log(`answers: ${JSON.stringify(answers)}`);
    },
    ROUNDS * 300_000,
  );
});
