import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { fileStore, redisAt, type ListStore } from '../../../src/revocation/list-store';
import { changeListFile, readListFile } from '../../../src/revocation/list-file';
import type { RevocationEntry } from '../../../src/revocation/revocation-entry';
import { EXTRA_SECONDS } from '../../../src/revocation/revocation-table';
import { describeOtherUser, NOBODY } from '../../support/other-user';

const NOW = 1_800_000_000;
const entry = (name: string, changes: Partial<RevocationEntry> = {}): RevocationEntry => ({
  issuer: 'https://auth.example.com/',
  kind: 'sub',
  name,
  issuedBefore: undefined,
  exp: NOW + 100,
  ...changes,
});

let folder: string;
let path: string;
let store: ListStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'list-store-'));
  path = join(folder, 'revoked.json');
  store = fileStore(path);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

describe('a list in a file that is written', () => {
  it('is made empty, once, and for its owner only', async () => {
    expect(await store.init(NOW + 0.5)).toBe(true);
    expect(await readListFile(path)).toEqual({ iat: NOW, entries: [] });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    await store.add(entry('a'), NOW);
    expect(await store.init(NOW)).toBe(false);
    expect(await store.entries(NOW)).toEqual([entry('a')]);
  });

  it('is not made anew when it cannot be read', async () => {
    writeFileSync(path, '{');
    await expect(store.init(NOW)).rejects.toThrow('not JSON');
    await expect(store.add(entry('a'), NOW)).rejects.toThrow('not JSON');
    expect(readFileSync(path, 'utf8')).toBe('{');
    expect(readdirSync(folder)).toEqual(['revoked.json']);
  });

  it.each<readonly [string, Partial<RevocationEntry>, Partial<RevocationEntry>, Partial<RevocationEntry>]>([
    ['an earlier issued_before', { issuedBefore: NOW }, { issuedBefore: NOW - 50 }, { issuedBefore: NOW }],
    ['a later issued_before', { issuedBefore: NOW - 50 }, { issuedBefore: NOW }, { issuedBefore: NOW }],
    ['issued_before, where all tokens were revoked', {}, { issuedBefore: NOW }, {}],
    ['no issued_before', { issuedBefore: NOW }, {}, {}],
    ['an earlier end', { exp: NOW + 900 }, { exp: NOW + 10 }, { exp: NOW + 900 }],
    ['a later end', { exp: NOW + 10 }, { exp: NOW + 900 }, { exp: NOW + 900 }],
  ])('gives no token back by a second entry about the same subject with %s', async (_, first, second, kept) => {
    await store.add(entry('a', first), NOW);
    await store.add(entry('b'), NOW);
    await store.add(entry('a', second), NOW);
    expect(await store.entries(NOW)).toEqual([entry('b'), entry('a', kept)]);
  });

  it('forgets what a first entry about the same subject said when that has ended', async () => {
    await store.add(entry('a'), NOW);
    const later = NOW + 100 + EXTRA_SECONDS;
    const second = entry('a', { issuedBefore: later, exp: later + 100 });
    await store.add(second, later);
    expect(await store.entries(later)).toEqual([second]);
  });

  it('tells entries apart by issuer, kind and name', async () => {
    const whole = entry('', { kind: 'iss', issuedBefore: NOW });
    const all = [
      whole,
      entry('a'),
      entry('a', { kind: 'sid' }),
      entry('a', { issuer: 'https://b.example.com/' }),
      entry('b'),
    ];
    for (const each of all) await store.add(each, NOW);
    expect(await store.entries(NOW)).toEqual(all);
    expect(await store.undo(entry('a', { kind: 'sid' }), NOW)).toBe(true);
    expect(await store.undo(entry('a', { kind: 'jti' }), NOW)).toBe(false);
    expect(await store.entries(NOW)).toEqual(all.filter(({ kind }) => kind !== 'sid'));
  });

  it('keeps an entry ten minutes past its end, and drops it with the next change', async () => {
    await store.add(entry('a'), NOW);
    const end = NOW + 100 + EXTRA_SECONDS;
    expect(await store.entries(end - 1)).toHaveLength(1);
    expect(await store.entries(end)).toEqual([]);
    await store.add(entry('b', { exp: end }), end - 1);
    expect((await readListFile(path)).entries).toHaveLength(2);
    await store.undo(entry('c'), end);
    expect((await readListFile(path)).entries.map(({ name }) => name)).toEqual(['b']);
  });

  it('is never older than before, also when the clock was set back', async () => {
    await store.add(entry('a'), NOW);
    await store.add(entry('b'), NOW - 1000);
    expect((await readListFile(path)).iat).toBe(NOW);
    await store.add(entry('c'), NOW + 7.9);
    expect((await readListFile(path)).iat).toBe(NOW + 7);
  });

  it('keeps its mode, and stays as it was, without anything beside it, when a change fails', async () => {
    await store.add(entry('a'), NOW);
    chmodSync(path, 0o640);
    await store.add(entry('b'), NOW);
    expect(statSync(path).mode & 0o777).toBe(0o640);
    const before = readFileSync(path, 'utf8');
    const fail = (): never => {
      throw new Error('odd');
    };
    await expect(changeListFile(path, fail, NOW)).rejects.toThrow('odd');
    expect(readFileSync(path, 'utf8')).toBe(before);
    expect(readdirSync(folder)).toEqual(['revoked.json']);
  });

  it('is not read when it has no iat', async () => {
    writeFileSync(path, '{"revocations":[]}');
    await expect(readListFile(path)).rejects.toThrow('the list has no iat');
    writeFileSync(path, '{"iat":1,"revocations":[{"iss":"a","sub":"b","exp":1},{"iss":"a"}]}');
    await expect(readListFile(path)).rejects.toThrow(/^entry 2: has no end/);
  });

  it('waits for another process that changes it, and not for one that ended in the middle of a change', async () => {
    writeFileSync(`${path}.lock`, '');
    let isDone = false;
    const adding = store.add(entry('a'), NOW).then(() => (isDone = true));
    for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setTimeout(resolve, 5));
    expect([isDone, existsSync(path)]).toEqual([false, false]);
    const longAgo = Date.now() / 1000 - 61;
    utimesSync(`${path}.lock`, longAgo, longAgo);
    await adding;
    expect(await store.entries(NOW)).toEqual([entry('a')]);
    expect(readdirSync(folder)).toEqual(['revoked.json']);
  });
});

describe('a stale lock of a list in a file', () => {
  /** A process that adds the subject "b", and pauses when it has seen that the lock is stale. */
  const SECOND = `
    const fs = require('node:fs');
    const [path, folder, now] = process.argv.slice(1);
    const { statSync } = fs;
    let looks = 0;
    fs.statSync = (file, ...rest) => {
      const status = statSync(file, ...rest);
      if (file === path + '.lock' && (looks += 1) <= 2) {
        fs.writeFileSync(folder + '/look-' + looks, '');
        while (looks === 1 && !fs.existsSync(folder + '/go-on')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
      }
      return status;
    };
    const { fileStore } = require('./src/revocation/list-store');
    const entry = { issuer: 'https://auth.example.com/', kind: 'sub', name: 'b', exp: Number(now) + 100 };
    fileStore(path).add(entry, Number(now)).then(() => fs.writeFileSync(folder + '/added', ''));`;
  const MAX_WAIT_MS = 60_000;
  const isAny = (names: readonly string[]): boolean => names.some((name) => existsSync(join(folder, name)));
  /** Blocks, as a change does. */
  const waitFor = (...names: readonly string[]): void => {
    const deadline = Date.now() + MAX_WAIT_MS;
    while (!isAny(names) && Date.now() < deadline) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  };
  const leaveLock = (file: string): void => {
    writeFileSync(file, '');
    const longAgo = Date.now() / 1000 - 61;
    utimesSync(file, longAgo, longAgo);
  };

  it(
    'is taken over by one of two processes that found it, and the other one waits',
    async () => {
      leaveLock(`${path}.lock`);
      const flags = ['-r', 'ts-node/register/transpile-only', '-e', SECOND, path, folder, String(NOW)];
      const second = spawn(process.execPath, flags, { stdio: 'inherit', timeout: MAX_WAIT_MS });
      const ended = once(second, 'exit');
      waitFor('look-1');
      const change = (entries: readonly RevocationEntry[]): readonly RevocationEntry[] => {
        writeFileSync(join(folder, 'go-on'), '');
        waitFor('look-2', 'added');
        return [...entries, entry('a')];
      };
      await changeListFile(path, change, NOW);
      expect(await ended).toEqual([0, null]);
      expect(isAny(['added'])).toBe(true);
      expect((await store.entries(NOW)).map(({ name }) => name)).toEqual(['a', 'b']);
      expect(readdirSync(folder).filter((name) => name.includes('.json'))).toEqual(['revoked.json']);
    },
    2 * MAX_WAIT_MS,
  );

  it('is taken over also when a process ended while it took it over', async () => {
    leaveLock(`${path}.lock`);
    const { ino, mtimeMs } = statSync(`${path}.lock`);
    leaveLock(`${path}.lock.${ino}-${Math.floor(mtimeMs)}`);
    await store.add(entry('a'), NOW);
    expect(await store.entries(NOW)).toEqual([entry('a')]);
    expect(readdirSync(folder)).toEqual(['revoked.json']);
  });

  it('is not taken for its own by the process that made it, when another process has taken it over meanwhile', async () => {
    await store.add(entry('a'), NOW);
    const change = (): readonly RevocationEntry[] => {
      rmSync(`${path}.lock`);
      leaveLock(`${path}.lock`);
      return [];
    };
    await expect(changeListFile(path, change, NOW)).rejects.toThrow('the change took too long');
    expect(await store.entries(NOW)).toEqual([entry('a')]);
    expect(readdirSync(folder)).toEqual(['revoked.json', 'revoked.json.lock']);
  });
});

describeOtherUser('a list in a file of another user', () => {
  it('still belongs to that user, such as the one of the gateway, when root has changed it', async () => {
    await store.add(entry('a'), NOW);
    chownSync(path, NOBODY, NOBODY);
    await store.add(entry('b'), NOW);
    const { uid, gid } = statSync(path);
    expect([uid, gid, await store.entries(NOW)]).toEqual([NOBODY, NOBODY, [entry('a'), entry('b')]]);
  });
});

describe('the address of a list in Redis', () => {
  const at = (text: string): object => redisAt(text, 'KEY', null, 'PASSWORD');

  it.each([
    ['redis://127.0.0.1', { host: '127.0.0.1', port: 6379, database: 0, username: null, ssl: false }],
    ['rediss://redis.example.com:6380/3', { host: 'redis.example.com', port: 6380, database: 3, ssl: true }],
    ['rediss://writer%40a@redis.example.com/', { username: 'writer@a', database: 0 }],
    ['redis://[::1]:1', { host: '::1', port: 1 }],
  ])('is read from %s', (text, expected) => {
    const common = { key: 'KEY', password: 'PASSWORD', caFile: null, allowPlaintext: false };
    expect(at(text)).toMatchObject({ ...common, ...expected });
  });

  it.each([
    'https://redis.example.com',
    'redis.example.com',
    'redis:///0',
    'redis://a/b',
    'redis://a/1/2',
    'xredis://a',
  ])('is refused when it is %s', (text) => {
    expect(() => at(text)).toThrow('the address must be redis[s]://[user@]host[:port][/database]');
  });

  it('is refused when it holds a password, which others could read', () => {
    expect(() => at('redis://user:secret@a')).toThrow('the password belongs into JWT_IDENTITY_REDIS_PASSWORD');
    expect(redisAt('redis://a', 'KEY', '/ca.pem', undefined)).toMatchObject({ password: null, caFile: '/ca.pem' });
  });
});
