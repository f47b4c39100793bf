/**
 * What a list of revoked tokens costs: memory, time to load from a file and from a URL, longest stop of requests meanwhile,
 * time of a check, and how fast changes in Redis arrive (where `redis-server` is on PATH).
 *
 *     npm run bench:revocation -- [entries, default 1000000]
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';
import { parseConfig } from '../schema/parse-config';
import { ISSUER as POLICY_ISSUER } from '../spec/support/policy';
import { RedisServer, redisProblem } from '../spec/support/redis-server';
import { DocumentList } from '../src/revocation/document-list';
import { RedisList } from '../src/revocation/redis-list';
import { connectToRedis } from '../src/revocation/redis-connection';
import { RevocationTable } from '../src/revocation/revocation-table';

const ENTRIES = Number(process.argv[2] === 'load' ? 0 : (process.argv[2] ?? 1_000_000));
const MAX_ENTRIES = 2 * ENTRIES;
const CHANGES = Math.min(100_000, ENTRIES);
const ISSUER = 'https://auth.example.com/';
const NOW = Math.floor(Date.now() / 1000);
const KEY = 'jwt-identity:revocations';
const print = (name: string, value: string): void => void process.stdout.write(`${name.padEnd(64)} ${value}\n`);

function memory(): number {
  globalThis.gc?.();
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
  await measureLoads(ids);

  const before = memory();
  const copy = new RevocationTable(MAX_ENTRIES);
  for (const name of ids)
    copy.add({ issuer: ISSUER, kind: 'jti', name, issuedBefore: undefined, exp: NOW + 86_400 }, NOW);
  print('memory of one list', `${((memory() - before) / 1e6).toFixed(0)} MB (${copy.size} entries)`);

  const table = copy;
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

/** Loads the list in processes of their own, so that nothing else counts. */
async function measureLoads(ids: readonly string[]): Promise<void> {
  const text = `{"iat":${NOW},"revocations":[${ids
    .map((jti) => `{"iss":"${ISSUER}","jti":"${jti}","exp":${NOW + 86_400}}`)
    .join(',')}]}`;
  print('entries', `${ENTRIES}, ${(text.length / 1e6).toFixed(0)} MB of JSON`);
  const folder = mkdtempSync(join(tmpdir(), 'bench-revocation-'));
  const server = createServer((_, response) => response.end(text)).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const file = join(folder, 'list.json');
    writeFileSync(file, text);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const fetch = { timeout_ms: 9000, max_bytes: 268_435_456 };
    for (const list of [
      { file },
      { url, list_fetch: fetch },
      { url, list_fetch: { ...fetch, cache_directory: folder } },
    ]) {
      const config = JSON.stringify({ ...list, max_entries: MAX_ENTRIES });
      const { stdout } = await promisify(execFile)(process.execPath, [...process.execArgv, __filename, 'load', config]);
      const kept = 'list_fetch' in list && 'cache_directory' in list.list_fetch ? ', with a copy on disk' : '';
      print(`load from a ${'file' in list ? 'file' : 'URL'}${kept}`, stdout.trim());
    }
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}

/** In a process of its own: loads one list, and prints what that cost. */
async function load(config: string): Promise<void> {
  const [list] = parseConfig({ issuers: [POLICY_ISSUER], revocation_lists: [JSON.parse(config)] }).revocationLists;
  const source = new DocumentList(list!, undefined, {
    ...{ now: () => performance.now(), wallClock: Date.now, random: Math.random },
    log: (_, message, fields) => void process.stdout.write(`${message} ${JSON.stringify(fields)} `),
  });
  const rssBefore = process.memoryUsage().rss;
  const cost = await measured(() => source.load());
  const peak = (process.resourceUsage().maxRSS * 1024 - rssBefore) / 1e6;
  const size = source.current()?.size;
  await new Promise((resolve) => setTimeout(resolve, 100));
  const held = memory() / 1e6;
  print('', `${cost}, ${String(size)} entries in ${held.toFixed(0)} MB; ${peak.toFixed(0)} MB more at the peak`);
}

async function measureRedis(ids: readonly string[]): Promise<void> {
  const server = await RedisServer.start({ flags: ['--appendfsync', 'no'] });
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

const [, , what, config = ''] = process.argv;
void (what === 'load' ? load(config) : main()).then(() => process.exit(0));
