/**
 * What a list of revoked tokens costs: memory, time to load, longest stop of requests meanwhile, time of a check, and how
 * fast changes in Redis arrive (where `redis-server` is on PATH).
 *
 *     npm run bench:revocation -- [entries, default 1000000]
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { randomUUID } from 'node:crypto';
import { RedisServer, redisProblem } from '../spec/support/redis-server';
import { RedisList } from '../src/revocation/redis-list';
import { connectToRedis } from '../src/revocation/redis-connection';
import { readRevocationList } from '../src/revocation/revocation-list';
import { RevocationTable } from '../src/revocation/revocation-table';

const ENTRIES = Number(process.argv[2] ?? 1_000_000);
const MAX_ENTRIES = 2 * ENTRIES;
const CHANGES = Math.min(100_000, ENTRIES);
const ISSUER = 'https://auth.example.com/';
const NOW = Math.floor(Date.now() / 1000);
const KEY = 'jwt-identity:revocations';
const print = (name: string, value: string): void => void process.stdout.write(`${name.padEnd(64)} ${value}\n`);

function memory(): number {
  globalThis.gc?.();
  return process.memoryUsage().arrayBuffers;
}

/** Runs `work` and returns how long it took and the longest time for which nothing else could run. */
async function measured(work: () => Promise<unknown>): Promise<string> {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const began = performance.now();
  const used = process.cpuUsage();
  await work();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(used);
  delay.disable();
  const stop = `longest stop ${(delay.max / 1e6).toFixed(0)} ms`;
  return `${seconds.toFixed(2)} s (${((user + system) / 1e6).toFixed(2)} s of processor time), ${stop}`;
}

/** Processor time of one check, the least of several rounds: other processes do not count. */
function nanoseconds(check: () => unknown): string {
  let best = Infinity;
  for (let round = 0; round < 7; round += 1) {
    const began = process.cpuUsage();
    for (let index = 0; index < 200_000; index += 1) check();
    const { user, system } = process.cpuUsage(began);
    best = Math.min(best, (user + system) / 200_000);
  }
  return `${Math.round(best * 1000)} ns of processor time`;
}

async function main(): Promise<void> {
  const ids = Array.from({ length: ENTRIES }, () => randomUUID());
  let text: string | undefined = `{"iat":${NOW},"revocations":[${ids
    .map((jti) => `{"iss":"${ISSUER}","jti":"${jti}","exp":${NOW + 86_400}}`)
    .join(',')}]}`;
  print('entries', `${ENTRIES}, ${(text.length / 1e6).toFixed(0)} MB of JSON`);

  let table = new RevocationTable(MAX_ENTRIES);
  print(
    'read the list',
    await measured(async () => {
      const { value } = await readRevocationList(text!, { maxEntries: MAX_ENTRIES, issuer: undefined }, undefined, NOW);
      table = value.table;
    }),
  );
  text = undefined;
  table = new RevocationTable(1);
  const before = memory();
  const copy = new RevocationTable(MAX_ENTRIES);
  for (const name of ids)
    copy.add({ issuer: ISSUER, kind: 'jti', name, issuedBefore: undefined, exp: NOW + 86_400 }, NOW);
  print('memory of one list', `${((memory() - before) / 1e6).toFixed(0)} MB (${copy.size} entries)`);

  table = copy;
  const claims = { iss: ISSUER, sid: randomUUID(), sub: 'alice', client_id: 'shop', iat: NOW };
  let turn = 0;
  print(
    'check of a token that is not listed',
    nanoseconds(() => table.findRevocation({ ...claims, jti: `${ISSUER}${turn++}` }, NOW)),
  );
  print(
    'check of a token that is listed',
    nanoseconds(() => table.findRevocation({ ...claims, jti: ids[turn++ % ENTRIES] }, NOW)),
  );
  for (const kind of ['sid', 'sub', 'client_id'] as const) {
    table.add({ issuer: ISSUER, kind, name: 'another', issuedBefore: undefined, exp: NOW + 86_400 }, NOW);
  }
  print(
    'the same, with entries of every kind',
    nanoseconds(() => table.findRevocation({ ...claims, jti: `${ISSUER}${turn++}` }, NOW)),
  );

  const problem = redisProblem();
  if (problem !== undefined) print('Redis', `not measured: ${problem}`);
  else await measureRedis(ids);
}

async function measureRedis(ids: readonly string[]): Promise<void> {
  const server = await RedisServer.start('--appendfsync', 'no');
  const connection = await connectToRedis(server.config({ timeout: 9000 }));
  const add = async (names: readonly string[]): Promise<void> => {
    for (let at = 0; at < names.length; at += 1000) {
      const page = names.slice(at, at + 1000);
      await Promise.all(
        page.map((jti) =>
          connection.send(['XADD', KEY, '*', 'add', JSON.stringify({ iss: ISSUER, jti, exp: NOW + 86_400 })]),
        ),
      );
    }
  };
  await add(ids);
  const { redis, ...list } = server.list({ timeout: 9000 }, { max_entries: 10_000_000 });
  const copy = new RedisList(
    { ...list, redis: redis! },
    { now: () => performance.now(), wallClock: Date.now, random: Math.random, log: () => undefined },
  );
  const has = async (jti: string | undefined): Promise<void> => {
    while (copy.current()?.findRevocation({ iss: ISSUER, jti }, NOW) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  };
  print('load all from Redis', await measured(() => has(ids.at(-1))));
  const more = Array.from({ length: CHANGES }, () => randomUUID());
  const arrived = measured(() => has(more.at(-1)));
  const began = performance.now();
  await add(more);
  print(`${CHANGES} changes: written`, `${((performance.now() - began) / 1000).toFixed(2)} s`);
  print(`${CHANGES} changes: in the copy`, await arrived);
  const delays: number[] = [];
  for (let index = 0; index < 50; index += 1) {
    const name = randomUUID();
    const written = performance.now();
    await add([name]);
    await has(name);
    delays.push(performance.now() - written);
  }
  print('one change, from the writer to the copy, longest of 50', `${Math.max(...delays).toFixed(1)} ms`);
  copy.close();
  connection.close();
  await server.end();
}

void main().then(() => process.exit(0));
