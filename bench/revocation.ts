/**
 * What a list of revoked tokens costs: memory, time to load from a file and from a URL, plain and signed, longest stop of
 * requests meanwhile, time of a check, and how fast changes in Redis arrive (where `redis-server` is on PATH).
 *
 *     npm run bench:revocation -- [entries, default 1000000]
 */
import { execFile } from 'node:child_process';
import { createPublicKey, createSign, generateKeyPairSync, randomUUID, type KeyObject } from 'node:crypto';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { promisify } from 'node:util';
import type { RevocationListConfig } from '../schema/config';
import { parseConfig } from '../schema/parse-config';
import { KeyList } from '../spec/support/key-list';
import { ISSUER as POLICY_ISSUER } from '../spec/support/policy';
import { RedisServer, redisProblem } from '../spec/support/redis-server';
import type { Claims } from '../src/core/claim-selector';
import { DocumentList, LIST_TYPE, type ListDependencies } from '../src/revocation/document-list';
import type { ListSource } from '../src/revocation/list-source';
import { RedisList } from '../src/revocation/redis-list';
import { connectToRedis } from '../src/revocation/redis-connection';
import { RevocationTable } from '../src/revocation/revocation-table';
import type { Signer } from '../src/revocation/signed-pieces';

const ENTRIES = Number(process.argv[2] === 'load' ? 0 : (process.argv[2] ?? 1_000_000));
const MAX_ENTRIES = 2 * ENTRIES;
const CHANGES = Math.min(100_000, ENTRIES);
const ISSUER = POLICY_ISSUER.issuer;
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

/** As many tokens as the cache of verified tokens holds, as they are in it: JSON that was parsed. */
function tokensOf(jtiOf: (index: number) => string | undefined): readonly Claims[] {
  return Array.from({ length: 20_000 }, (_, index) => {
    const times = { iat: NOW, exp: NOW + 600 };
    const claims = { iss: ISSUER, sub: randomUUID(), aud: 'orders', client_id: 'shop', sid: randomUUID(), ...times };
    return JSON.parse(JSON.stringify({ ...claims, jti: jtiOf(index) })) as Claims;
  });
}

/** Processor time of one check, the least and the most of several rounds. */
function nanoseconds(table: RevocationTable, tokens: readonly Claims[]): string {
  const rounds: number[] = [];
  let found = 0;
  for (let round = 0; round < 10; round += 1) {
    const began = process.cpuUsage();
    for (let turn = 0; turn < 10; turn += 1) {
      for (const claims of tokens) if (table.findRevocation(claims, NOW) !== undefined) found += 1;
    }
    const { user, system } = process.cpuUsage(began);
    rounds.push(((user + system) * 1000) / (10 * tokens.length));
  }
  const [least, most] = [Math.min(...rounds), Math.max(...rounds)].map(Math.round);
  return `${least} to ${most} ns of processor time (${found === 0 ? 'none' : 'all'} found)`;
}

async function main(): Promise<void> {
  const ids = Array.from({ length: ENTRIES }, () => randomUUID());
  await measureLoads(ids);

  const before = memory();
  const copy = new RevocationTable(MAX_ENTRIES);
  for (const name of ids)
    copy.add({ issuer: ISSUER, kind: 'jti', name, issuedBefore: undefined, exp: NOW + 86_400 }, NOW);
  print('memory of one list', `${((memory() - before) / 1e6).toFixed(0)} MB (${copy.size} entries)`);

  const strangers = tokensOf(() => randomUUID());
  print('check of a token that is not listed', nanoseconds(copy, strangers));
  print(
    'check of a token that is listed',
    nanoseconds(
      copy,
      tokensOf((index) => ids[(index * 7919) % ENTRIES]),
    ),
  );
  for (const kind of ['sid', 'sub', 'client_id'] as const) {
    copy.add({ issuer: ISSUER, kind, name: 'another', issuedBefore: undefined, exp: NOW + 86_400 }, NOW);
  }
  print('the first, with entries of every kind', nanoseconds(copy, strangers));

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
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signedText = signedList(text, privateKey);
  const folder = mkdtempSync(join(tmpdir(), 'bench-revocation-'));
  const server = createServer(({ url }, response) => response.end(url === '/signed' ? signedText : text));
  server.listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const file = join(folder, 'list.json');
    writeFileSync(file, text);
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const fetch = { timeout_ms: 9000, max_bytes: 268_435_456 };
    const kept = { ...fetch, cache_directory: folder };
    const signed = { url: `${url}signed`, signed: true, issuer: ISSUER };
    for (const [what, list] of [
      ['file', { file }],
      ['URL', { url, list_fetch: fetch }],
      ['URL, with a copy on disk', { url, list_fetch: kept }],
      ['URL, signed', { ...signed, list_fetch: fetch }],
      ['URL, signed, with a copy on disk', { ...signed, list_fetch: kept }],
    ] as const) {
      const key = publicKey.export({ type: 'spki', format: 'pem' }).toString();
      print(`load from a ${what}`, await loadElsewhere({ ...list, max_entries: MAX_ENTRIES }, key));
    }
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
}

/** Loads a list in a process of its own. Returns what that cost. */
async function loadElsewhere(list: object, key: string): Promise<string> {
  const loading = [...process.execArgv, __filename, 'load', JSON.stringify(list), key];
  const { stdout } = await promisify(execFile)(process.execPath, loading);
  return stdout.trim();
}

/** A list as a JWT: a third longer. */
function signedList(text: string, key: KeyObject): Buffer {
  const header = Buffer.from(JSON.stringify({ alg: 'ES256', typ: LIST_TYPE })).toString('base64url');
  const input = Buffer.concat([Buffer.from(`${header}.`), Buffer.from(Buffer.from(text).toString('base64url'))]);
  const signature = createSign('sha256').update(input).sign({ key, dsaEncoding: 'ieee-p1363' });
  return Buffer.concat([input, Buffer.from(`.${signature.toString('base64url')}`)]);
}

/** Memory of this process now, or at its peak. `process.resourceUsage().maxRSS` counts its parent's, too. */
function residentBytes(field: 'VmRSS' | 'VmHWM'): number {
  const line = new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'));
  return Number(line?.[1]) * 1024;
}

function openList(list: RevocationListConfig, key: string, dependencies: ListDependencies): ListSource {
  const { redis, signed } = list;
  if (redis !== null) return new RedisList({ ...list, redis }, dependencies);
  const signer = (): Signer => ({
    keys: new KeyList({ alg: 'ES256', publicKey: createPublicKey(key) }),
    ...{ algorithms: [], type: LIST_TYPE },
  });
  return new DocumentList(list, signed ? signer() : undefined, dependencies);
}

/** Begins to measure the peak anew. */
function forgetPeak(): void {
  globalThis.gc?.();
  writeFileSync('/proc/self/clear_refs', '5');
}

/** In a process of its own: loads one list, and prints what that cost. */
async function load(config: string, key: string): Promise<void> {
  const [list] = parseConfig({ issuers: [POLICY_ISSUER], revocation_lists: [JSON.parse(config)] }).revocationLists;
  const dependencies: ListDependencies = {
    ...{ now: () => performance.now(), wallClock: Date.now, random: Math.random },
    log: (_, message, fields) => void process.stdout.write(`${message} ${JSON.stringify(fields)} `),
  };
  const source = openList(list!, key, dependencies);
  forgetPeak();
  const before = residentBytes('VmRSS');
  const cost = await measured(() => source.load());
  const peak = (residentBytes('VmHWM') - before) / 1e6;
  const size = source.current()?.size;
  await new Promise((resolve) => setTimeout(resolve, 100));
  const held = memory() / 1e6;
  print('', `${cost}, ${String(size)} entries in ${held.toFixed(0)} MB; ${peak.toFixed(0)} MB more at the peak`);
  const { redis, listFetch } = list!;
  if (redis === null || listFetch.cacheDirectory === null || source.failure !== undefined) return;
  const folder = listFetch.cacheDirectory;
  forgetPeak();
  const copying = residentBytes('VmRSS');
  const writing = await measured(() => isCopied(folder));
  const more = (residentBytes('VmHWM') - copying) / 1e6;
  print('', `written to disk after ${writing}; ${more.toFixed(0)} MB more at the peak`);
}

/** Waits until entries from Redis are in the folder. */
async function isCopied(folder: string): Promise<void> {
  const start = Buffer.alloc(4096);
  for (;;) {
    for (const name of readdirSync(folder).filter((each) => each.endsWith('.json'))) {
      const file = openSync(join(folder, name), 'r');
      readSync(file, start);
      closeSync(file);
      if (start.includes('"revocations"')) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
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
  const source = { redis: { host: '127.0.0.1', port: server.port, timeout: 9000 }, max_entries: MAX_ENTRIES };
  print('load from Redis', await loadElsewhere(source, ''));
  const folder = mkdtempSync(join(tmpdir(), 'bench-revocation-'));
  const kept = { ...source, list_fetch: { cache_directory: folder } };
  print('load from Redis, with a copy on disk', await loadElsewhere(kept, ''));
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
  await has(ids.at(-1));
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
  print('load from the copy on disk, without Redis', await loadElsewhere(kept, ''));
  rmSync(folder, { recursive: true });
}

const [, , what, config = '', key = ''] = process.argv;
void (what === 'load' ? load(config, key) : main()).then(() => process.exit(0));
