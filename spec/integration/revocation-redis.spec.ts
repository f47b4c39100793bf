/** A copy of a list in a real redis-server that is killed, frozen, emptied, set back and restarted. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { ENTRY_KINDS, type RevocationEntry, writeEntry } from '../../src/revocation/revocation-entry';
import { RedisList } from '../../src/revocation/redis-list';
import { redisStore, type ListStore } from '../../src/revocation/list-store';
import { LogRecorder } from '../support/key-issuer';
import { REDIS_PROGRAMS, RedisServer, redisProblem } from '../support/redis-server';

const KEY = 'jwt-identity:revocations';
const NOW = Math.floor(Date.now() / 1000);
const entry = (name: string, changes: Partial<RevocationEntry> = {}): RevocationEntry => ({
  issuer: 'https://auth.example.com/',
  kind: 'jti',
  name,
  issuedBefore: undefined,
  exp: NOW + 3600,
  ...changes,
});

describe.each(REDIS_PROGRAMS)('a list in %s', (program) => {
  const problem = redisProblem(program);
  if (problem !== undefined) process.stderr.write(`SKIPPED: lists in ${program} (${problem})\n`);
  const it = problem === undefined ? test : test.skip;

  let server: RedisServer;
  let store: ListStore;
  let recorder: LogRecorder;
  let aheadMs: number;
  let opened: RedisList[];
  beforeAll(async () => {
    server = await RedisServer.start({ program });
  });
  afterAll(() => server.end());
  beforeEach(async () => {
    await server.send(['FLUSHALL']);
    store = redisStore(server.config());
    recorder = new LogRecorder();
    aheadMs = 0;
    opened = [];
  });
  afterEach(() => {
    for (const list of opened) list.close();
    server.thaw();
  });

  const open = (changes: object = {}, redis: object = {}): RedisList => {
    const list = server.list(redis, changes);
    const copy = new RedisList(
      { ...list, redis: list.redis! },
      {
        now: () => performance.now() + aheadMs,
        wallClock: () => Date.now() + aheadMs,
        random: () => 0,
        log: recorder.log,
      },
    );
    opened.push(copy);
    return copy;
  };
  /** What the copy says about tokens with these names; `undefined` when it may not be used. */
  const revoked = (list: RedisList, ...names: readonly string[]): (boolean | undefined)[] =>
    names.map((jti) => {
      const table = list.current();
      if (table === undefined) return undefined;
      return table.findRevocation({ iss: 'https://auth.example.com/', jti, iat: NOW }, NOW) !== undefined;
    });
  /** Waits until the copy says so; how long that may take is for the whole test to bound. */
  const until = async (isSo: () => boolean | undefined): Promise<void> => {
    while (isSo() !== true) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  const logged = (text: string): boolean => JSON.stringify(recorder.records).includes(text);

  it('is loaded as a whole, and followed from then on', async () => {
    await store.init(NOW);
    for (const kind of ENTRY_KINDS)
      await store.add(entry(kind === 'iss' ? '' : 'a', { kind, issuedBefore: kind === 'iss' ? NOW : undefined }), NOW);
    await store.add(entry('over', { exp: NOW - 3600 }), NOW);
    const list = open();
    expect((await list.load())?.size).toBe(5);
    await store.add(entry('b'), NOW);
    await until(() => revoked(list, 'b')[0]);
    expect(await store.undo(entry('a'), NOW)).toBe(true);
    await until(() => revoked(list, 'a')[0] === false);
    expect(revoked(list, 'b')).toEqual([true]);
  });

  it('is an outage when the stream was never made, and is there when it is', async () => {
    const list = open();
    expect(await list.load()).toBeUndefined();
    expect(logged('kong-jwt-identity revoke --init creates it')).toBe(true);
    expect(recorder.lines).toContain('error: no usable revocations: requests are refused with 503');
    await expect(store.add(entry('a'), NOW)).rejects.toThrow('no such stream');
    await store.init(NOW);
    await until(() => list.current() !== undefined);
  });

  it('keeps what it knows while the server is gone, for max_stale, and catches up afterwards', async () => {
    await store.init(NOW);
    await store.add(entry('a'), NOW);
    const list = open({ max_stale: 100 });
    await list.load();
    await server.kill();
    await until(() => logged('could not be fetched'));
    aheadMs = 50_000;
    expect(revoked(list, 'a', 'b')).toEqual([true, false]);
    aheadMs = 101_000;
    expect(revoked(list, 'a')).toEqual([undefined]);
    await server.restart();
    await store.add(entry('b'), NOW);
    await until(() => revoked(list, 'b')[0]);
    expect(revoked(list, 'a')).toEqual([true]);
    expect(logged('revocations can be fetched again')).toBe(true);
  });

  it('notices that the server is frozen, although the connection stays', async () => {
    await store.init(NOW);
    const list = open({ max_stale: 0 });
    await list.load();
    server.freeze();
    await until(() => revoked(list, 'a')[0] === undefined);
    server.thaw();
    await until(() => revoked(list, 'a')[0] === false);
  });

  it('waits no longer than its timeout for a server that does not answer', async () => {
    server.freeze();
    const began = performance.now();
    expect(await open().load()).toBeUndefined();
    expect(performance.now() - began).toBeLessThan(60_000);
  });

  it('forgets nothing when the server is emptied, and counts that as an outage', async () => {
    await store.init(NOW);
    await store.add(entry('a'), NOW);
    const list = open();
    await list.load();
    await server.send(['FLUSHALL']);
    await until(() => logged('there is no such stream'));
    expect(revoked(list, 'a')).toEqual([true]);
    await store.init(NOW);
    await store.add(entry('b'), NOW);
    await until(() => revoked(list, 'b')[0]);
    expect(revoked(list, 'a')).toEqual([true]);
  });

  it('forgets nothing when the stream is set back to an older state, and reads it anew', async () => {
    await server.send(['XADD', KEY, '1-1', 'init', '1']);
    await server.send(['XADD', KEY, '1000-1', 'add', JSON.stringify(writeEntry(entry('a')))]);
    const list = open();
    await list.load();
    await server.send(['DEL', KEY], ['XADD', KEY, '500-1', 'add', JSON.stringify(writeEntry(entry('b')))]);
    await until(() => revoked(list, 'b')[0]);
    expect(revoked(list, 'a')).toEqual([true]);
    expect(logged('the stream was replaced')).toBe(true);
  });

  describe('with cache_directory', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'revocation-redis-'));
    });
    afterEach(() => {
      for (const list of opened) list.close();
      rmSync(folder, { recursive: true });
    });
    const openKept = (changes: object = {}): RedisList =>
      open({ list_fetch: { cache_directory: join(folder, 'lists') }, ...changes });
    const isOnDisk = (part: string): Promise<void> =>
      until(() => {
        if (!existsSync(join(folder, 'lists'))) return false;
        const names = readdirSync(join(folder, 'lists')).filter((name) => name.endsWith('.json'));
        return names.some((name) => readFileSync(join(folder, 'lists', name), 'latin1').includes(part));
      });
    /** Waits until it is on the disk how far the stream was read. */
    const isNoted = (records: number): Promise<void> => isOnDisk(`,"added":${records}}`);
    /** Waits until the entries of so many records are on the disk. */
    const isKept = (records: number): Promise<void> => isOnDisk(`,"added":${records},"revocations"`);

    it.each<readonly [string, () => Promise<unknown>]>([
      ['was emptied and made anew', async () => [await server.send(['DEL', KEY]), await store.init(NOW)]],
      [
        'was set back',
        () => server.send(['DEL', KEY], ['XADD', KEY, '500-1', 'add', JSON.stringify(writeEntry(entry('b')))]),
      ],
    ])(
      'is that of the disk for max_stale after a restart of the gateway when the stream %s, and then unavailable until the files are deleted',
      async (_, lose) => {
        await store.init(NOW);
        await store.add(entry('a'), NOW);
        await store.add(entry('c'), NOW);
        const running = openKept();
        await running.load();
        await isNoted(3);
        await isKept(3);
        await lose();
        await until(() => logged('the stream was replaced'));
        // The one that runs forgets nothing.
        expect(revoked(running, 'a')).toEqual([true]);
        const restarted = openKept();
        await restarted.load();
        const reason = restarted.failure?.message ?? '';
        expect(reason).toContain('the stream is older than when it was last read');
        // The entries on disk are used for max_stale, and the stream is refused also after them.
        await until(() => recorder.records.filter(({ fields }) => fields['reason'] === reason).length > 1);
        expect(revoked(restarted, 'a', 'b')).toEqual([true, false]);
        aheadMs = 3_600_000;
        expect(revoked(restarted, 'a')).toEqual([undefined]);
        expect(await openKept({ max_stale: 0 }).load()).toBeUndefined();
        expect(await open().load()).toBeDefined();
        rmSync(join(folder, 'lists'), { recursive: true });
        await until(() => restarted.current() !== undefined);
        // The one that runs since before does not bring the old state back.
        await store.add(entry('d'), NOW);
        await until(() => revoked(running, 'd')[0]);
        expect(await openKept().load()).toBeDefined();
      },
    );

    it('is read after a restart of the gateway when the stream has as much as before, or more', async () => {
      await store.init(NOW);
      await store.add(entry('a'), NOW);
      const first = openKept();
      await first.load();
      await isNoted(2);
      first.close();
      expect((await openKept().load())?.size).toBe(1);
      await store.add(entry('b'), NOW);
      await server.kill();
      await server.restart();
      expect((await openKept().load())?.size).toBe(2);
    });

    it.each(['is down', 'is frozen', 'was emptied'])(
      'is that of the disk when the gateway starts while the server %s',
      async (outage) => {
        await store.init(NOW);
        await store.add(entry('a'), NOW);
        await store.add(entry('undone'), NOW);
        await store.undo(entry('undone'), NOW);
        const before = openKept();
        await before.load();
        await isKept(4);
        before.close();
        if (outage === 'is down') await server.kill();
        else if (outage === 'is frozen') server.freeze();
        else await server.send(['FLUSHALL']);
        const restarted = openKept();
        // The first request has the answer.
        const table = await restarted.load();
        expect(table?.size).toBe(1);
        expect(revoked(restarted, 'a', 'undone', 'b')).toEqual([true, false, false]);
        expect(logged('revocations of an earlier run are used until the provider answers')).toBe(true);
        if (outage === 'is frozen') server.thaw();
        else if (outage === 'is down') await server.restart();
        else {
          rmSync(join(folder, 'lists'), { recursive: true });
          await store.init(NOW);
        }
        await store.add(entry('b'), NOW);
        await until(() => revoked(restarted, 'b')[0]);
        // What was lost stays revoked; what is still there can be taken back.
        const isTakenBack = await store.undo(entry('a'), NOW);
        expect(isTakenBack).toBe(outage !== 'was emptied');
        await until(() => revoked(restarted, 'a')[0] === !isTakenBack);
        expect(logged('revocations can be fetched again')).toBe(true);
        expect(logged('were removed before they were read')).toBe(false);
      },
    );

    it('keeps what the disk holds when the stream was set back, and how far it was read is no longer known', async () => {
      const record = (id: string, kind: 'add' | 'undo', name: string): string[] => [
        ...['XADD', KEY, id, kind],
        JSON.stringify(writeEntry(entry(name))),
      ];
      const before = [record('1-1', 'add', 'a'), record('2-1', 'undo', 'a')];
      await server.send(...before, record('1000-1', 'add', 'a'));
      const first = openKept();
      await first.load();
      await Promise.all([isNoted(3), isKept(3)]);
      first.close();
      await server.send(['DEL', KEY], ...before, record('5-1', 'add', 'b'));
      await server.kill();
      for (const name of readdirSync(join(folder, 'lists'))) {
        const path = join(folder, 'lists', name);
        if (!readFileSync(path, 'latin1').includes('"revocations"')) rmSync(path);
      }
      const restarted = openKept();
      await restarted.load();
      expect(revoked(restarted, 'a', 'b')).toEqual([true, false]);
      await server.restart();
      await until(() => revoked(restarted, 'b')[0]);
      expect(revoked(restarted, 'a')).toEqual([true]);
    });

    it('is unavailable when the gateway starts while the server is down and the entries on disk are too old', async () => {
      await store.init(NOW);
      const before = openKept({ max_stale: 100 });
      await before.load();
      await isKept(1);
      before.close();
      await server.kill();
      aheadMs = 50_000;
      const restarted = openKept({ max_stale: 100 });
      expect(await restarted.load()).toBeDefined();
      aheadMs = 100_000;
      expect(revoked(restarted, 'a')).toEqual([undefined]);
      expect(await openKept({ max_stale: 100 }).load()).toBeUndefined();
      expect(logged('the copy is older than max_stale')).toBe(true);
      await server.restart();
      await until(() => revoked(restarted, 'a')[0] === false);
    });

    it('notes what it follows', async () => {
      await store.init(NOW);
      const list = openKept();
      await list.load();
      await isNoted(1);
      aheadMs += 1_000;
      await store.add(entry('a'), NOW);
      await isNoted(2);
      await isKept(2);
      expect(revoked(list, 'a')).toEqual([true]);
    });
  });

  it.each([
    ['the stream is set back to before an entry was added again', true],
    ['the whole stream is read anew', false],
  ])('takes nothing back by a record that it knows when %s', async (_, isSetBack) => {
    const record = (id: string, kind: 'add' | 'undo', name: string): string[] => [
      ...['XADD', KEY, id, kind],
      JSON.stringify(writeEntry(entry(name))),
    ];
    const before = [
      record('1-1', 'add', 'a'),
      record('2-1', 'undo', 'a'),
      record('3-1', 'add', 'back'),
      record('4-1', 'undo', 'back'),
    ];
    await server.send(...before, record('1000-1', 'add', 'a'));
    const list = open();
    await list.load();
    expect(revoked(list, 'a', 'back')).toEqual([true, false]);
    if (isSetBack) await server.send(['DEL', KEY], ...before, record('5-1', 'add', 'b'));
    else await list.renew();
    await until(() => !isSetBack || revoked(list, 'b')[0]);
    expect(revoked(list, 'a', 'back')).toEqual([true, false]);
    // A record that is new takes back what it names.
    const [next, afterNext] = isSetBack ? ['6-1', '7-1'] : ['1001-1', '1002-1'];
    await server.send(record(next, 'undo', 'a'), record(afterNext, 'add', 'c'));
    await until(() => revoked(list, 'c')[0]);
    expect(revoked(list, 'a', 'back')).toEqual([false, false]);
  });

  it('notices records that were removed before it read them', async () => {
    await store.init(NOW);
    await store.add(entry('a'), NOW);
    const list = open();
    await list.load();
    server.freeze();
    await until(() => logged('could not be fetched'));
    server.thaw();
    await store.add(entry('lost'), NOW);
    await server.send(['XTRIM', KEY, 'MAXLEN', '0']);
    // Whatever of this the copy saw: it either read the record or says, when nothing new comes, that it missed one.
    await store.add(entry('b'), NOW);
    await until(() => revoked(list, 'b')[0]);
    await until(() => revoked(list, 'lost')[0] === true || logged('were removed before they were read'));
  });

  it('uses no record that is not an entry, and names it', async () => {
    await store.init(NOW);
    const bad = [
      '{',
      '[]',
      '{"jti":"x"}',
      JSON.stringify({ ...writeEntry(entry('x')), exp: undefined }),
      'x'.repeat(20_000),
    ];
    for (const text of bad) await server.send(['XADD', KEY, '*', 'add', text]);
    await server.send(
      ['XADD', KEY, '*', '__proto__', '1'],
      ['XADD', KEY, '*', 'add', JSON.stringify(writeEntry(entry('good')))],
    );
    const list = open();
    expect((await list.load())?.size).toBe(1);
    const problems = recorder.records.filter(({ message }) => message === 'a record of the stream is not used');
    expect(problems.map(({ fields }) => fields['reason'])).toEqual([
      ...[
        'is not JSON',
        'is not an object',
        'has no iss, or one that is not a text',
        'has no end (exp)',
        'is too long',
      ],
    ]);
  });

  it('shows an entry that was added twice as gateways apply it, with the later times', async () => {
    await store.init(NOW);
    const all = entry('a', { kind: 'sub' });
    await store.add(all, NOW);
    await store.add({ ...all, issuedBefore: NOW, exp: NOW + 10 }, NOW);
    expect(await store.entries(NOW)).toEqual([all]);
    expect((await open().load())?.findRevocation({ iss: all.issuer, sub: 'a', iat: NOW }, NOW)).toBe('sub');
  });

  it('is refused when it has more entries than max_entries', async () => {
    await store.init(NOW);
    for (const name of ['a', 'b', 'c']) await store.add(entry(name), NOW);
    expect(await open({ max_entries: 2 }).load()).toBeUndefined();
    expect(logged('more than 2 entries')).toBe(true);
  });

  it('is removed from the stream by its writer when it has ended, up to the first entry that has not', async () => {
    await store.init(NOW);
    await store.add(entry('a', { exp: NOW + 10 }), NOW);
    await store.add(entry('b', { exp: NOW + 5000 }), NOW);
    await store.add(entry('c', { exp: NOW + 10 }), NOW);
    await redisStore(server.config()).add(entry('d'), NOW + 2000);
    expect(await server.send(['XLEN', KEY])).toEqual([3]);
    expect((await redisStore(server.config()).entries(NOW)).map(({ name }) => name)).toEqual(['b', 'c', 'd']);
  });

  it('is read with a password, and with a user that may do nothing else', async () => {
    await store.init(NOW);
    await store.add(entry('a'), NOW);
    const rights = [`~${KEY}`, '+xread', '+xrange', '+xinfo', '+select'];
    await server.send(['ACL', 'SETUSER', 'gateway', 'on', '>secret', ...rights]);
    const list = open({}, { username: 'gateway', password: 'secret', database: 0 });
    expect((await list.load())?.size).toBe(1);
    expect(await open({}, { username: 'gateway', password: 'wrong' }).load()).toBeUndefined();
    expect(logged('Redis answered WRONGPASS')).toBe(true);
    expect(JSON.stringify(recorder.records)).not.toMatch(/secret|"wrong"/);
    await expect(
      redisStore(server.config({ username: 'gateway', password: 'secret' })).add(entry('b'), NOW),
    ).rejects.toThrow('NOPERM');
  });
});
