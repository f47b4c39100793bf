import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RevocationListConfig } from '../../../schema/config';
import { parseConfig } from '../../../schema/parse-config';
import { DocumentReport } from '../../../src/documents/document-report';
import { listSubject } from '../../../src/revocation/document-list';
import type { StreamState } from '../../../src/revocation/redis-stream';
import { RevocationTable } from '../../../src/revocation/revocation-table';
import { StreamCopy } from '../../../src/revocation/stream-copy';
import { LogRecorder } from '../../support/key-issuer';
import { ISSUER } from '../../support/policy';

const START_MS = 1_800_000_000_000;
const START = START_MS / 1000;
const STATE: StreamState = { lastId: '1799999999000-1', added: 7 };

describe('the entries of a stream on disk', () => {
  let folder: string;
  /** The wall clock, and how far it was set. */
  let wallMs: number;
  let setByMs: number;
  let recorder: LogRecorder;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stream-copy-'));
    [wallMs, setByMs] = [START_MS, 0];
    recorder = new LogRecorder();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const lists = (): string => join(folder, 'lists');
  const configOf = (changes: object = {}, redis: object = {}): RevocationListConfig => {
    const list = { redis: { host: '127.0.0.1', ...redis }, max_stale: 100, list_fetch: { cache_directory: lists() } };
    return parseConfig({ issuers: [ISSUER], revocation_lists: [{ ...list, ...changes }] }).revocationLists[0]!;
  };
  /** A process of its own. */
  const copyOf = (config: RevocationListConfig = configOf()): StreamCopy => {
    const report = new DocumentReport(
      listSubject('redis', false),
      () => wallMs,
      recorder.log,
      () => undefined,
    );
    return new StreamCopy(config, { now: () => wallMs - setByMs, wallClock: () => wallMs, random: () => 0 }, report);
  };
  const tableOf = (...names: readonly string[]): RevocationTable => {
    const table = new RevocationTable(1000);
    for (const name of names) {
      table.add({ issuer: ISSUER.issuer, kind: 'jti', name, issuedBefore: undefined, exp: START + 3600 }, START);
    }
    return table;
  };
  const path = (): string => join(lists(), readdirSync(lists())[0]!);
  const keep = async (copy: StreamCopy, ...names: readonly string[]): Promise<void> => {
    await copy.keep({ ...STATE, added: STATE.added + names.length }, tableOf(...names));
  };
  const restored = async (copy = copyOf()): Promise<readonly (string | number)[] | undefined> => {
    const kept = await copy.restore();
    return kept && [kept.state.lastId, kept.state.added, kept.readAtMs, kept.table.size];
  };
  const reasons = (): unknown[] => recorder.records.map(({ fields }) => fields['reason']);

  it('are what was in the table, with how far the stream was read and when that was known', async () => {
    await keep(copyOf(), 'a', 'ü', '名前', '"\\\ud800');
    wallMs += 5000;
    const kept = await copyOf().restore();
    expect(kept).toMatchObject({ state: { lastId: STATE.lastId, added: 11 }, readAtMs: START_MS });
    for (const jti of ['a', 'ü', '名前', '"\\\ud800']) {
      expect(kept?.table.findRevocation({ iss: ISSUER.issuer, jti }, START)).toBe('jti');
    }
    expect(kept?.table.findRevocation({ iss: ISSUER.issuer, jti: 'b' }, START)).toBeUndefined();
    expect(recorder.records).toEqual([]);
  });

  it('are many pieces for a long list', async () => {
    const names = Array.from({ length: 3000 }, (_, index) => `token-${index}`);
    const table = new RevocationTable(5000);
    for (const name of names) {
      table.add({ issuer: ISSUER.issuer, kind: 'jti', name, issuedBefore: undefined, exp: START + 3600 }, START);
    }
    await copyOf().keep(STATE, table);
    expect((await copyOf().restore())?.table.size).toBe(3000);
  });

  it.each([
    ['are used until max_stale has passed since the stream was read', 99_999, [STATE.lastId, 8, START_MS, 1]],
    ['are not used when max_stale has passed since the stream was read', 100_000, undefined],
    ['are not used when the clock was set back to before the stream was read', -1, undefined],
  ])('%s', async (_, laterMs, expected) => {
    await keep(copyOf(), 'a');
    wallMs += laterMs;
    expect(await restored()).toEqual(expected);
    expect(recorder.lines).toEqual(
      expected === undefined ? ['warn: revocations could not be read from cache_directory'] : [],
    );
  });

  it('are as old as when the stream was read, also when they were written or touched later', async () => {
    await keep(copyOf(), 'a');
    wallMs += 100_000;
    writeFileSync(path(), readFileSync(path()));
    expect(await restored()).toBeUndefined();
    expect(reasons()).toEqual(['the copy is older than max_stale']);
  });

  it('stay usable while the stream is read and does not change', async () => {
    const copy = copyOf();
    await keep(copy, 'a');
    wallMs += 4999;
    await keep(copy, 'a');
    expect(await restored()).toEqual([STATE.lastId, 8, START_MS, 1]);
    wallMs += 1;
    await keep(copy, 'a');
    expect(await restored()).toEqual([STATE.lastId, 8, START_MS + 5000, 1]);
    wallMs += 5000;
    await keep(copy, 'a');
    expect(await restored()).toEqual([STATE.lastId, 8, START_MS + 10_000, 1]);
  });

  it('are written a second after a change, and not confirmed in place of that', async () => {
    const copy = copyOf();
    await keep(copy, 'a');
    wallMs += 999;
    await keep(copy, 'a', 'b');
    expect(await restored()).toEqual([STATE.lastId, 8, START_MS, 1]);
    wallMs += 1;
    await keep(copy, 'a', 'b');
    expect(await restored()).toEqual([STATE.lastId, 9, START_MS + 1000, 2]);
  });

  it('are written less often the longer that takes, once a minute at the least', async () => {
    /** Takes its time to be read. */
    class SlowTable extends RevocationTable {
      constructor(private readonly tookMs: number) {
        super(1000);
      }
      override *entries(nowSeconds: number): ReturnType<RevocationTable['entries']> {
        wallMs += this.tookMs;
        yield* super.entries(nowSeconds);
      }
    }
    const copy = copyOf();
    const keepFor = async (tookMs: number, added: number): Promise<unknown> => {
      await copy.keep({ ...STATE, added }, new SlowTable(tookMs));
      return (await restored())?.[1];
    };
    expect(await keepFor(100, 1)).toBe(1);
    wallMs += 4999;
    expect(await keepFor(3000, 2)).toBe(1);
    wallMs += 1;
    expect(await keepFor(3000, 2)).toBe(2);
    wallMs += 59_999;
    expect(await keepFor(0, 3)).toBe(2);
    wallMs += 1;
    expect(await keepFor(0, 3)).toBe(3);
  });

  it('are written by one process, and by another when that one does so no more', async () => {
    const [one, other] = [copyOf(), copyOf()];
    await keep(one, 'a');
    wallMs += 1000;
    await keep(other, 'a', 'b');
    expect(await restored()).toEqual([STATE.lastId, 8, START_MS, 1]);
    // 5 seconds to the next confirmation, and two pauses.
    wallMs = START_MS + 6999;
    await keep(other, 'a', 'b');
    expect(await restored()).toEqual([STATE.lastId, 8, START_MS, 1]);
    wallMs += 1;
    await keep(other, 'a', 'b');
    expect(await restored()).toEqual([STATE.lastId, 9, START_MS + 7000, 2]);
    // The first one leaves it alone from now on.
    wallMs += 1000;
    await keep(one, 'a');
    expect(await restored()).toEqual([STATE.lastId, 9, START_MS + 7000, 2]);
  });

  it('are written at once by another process when the clock was set back', async () => {
    const one = copyOf();
    await keep(one, 'a');
    [wallMs, setByMs] = [wallMs - 50_000, -50_000];
    await keep(copyOf(), 'b');
    expect(await restored()).toEqual([STATE.lastId, 8, START_MS - 50_000, 1]);
    expect(recorder.records).toEqual([]);
  });

  it('are not replaced by what is left of a stream that was set back', async () => {
    await keep(copyOf(), 'a');
    wallMs += 50_000;
    const behind = copyOf();
    await behind.keep({ lastId: '1799999998999-9', added: 5 }, tableOf());
    expect(await restored()).toEqual([STATE.lastId, 8, START_MS, 1]);
  });

  it('are written anew when the files were deleted', async () => {
    const copy = copyOf();
    await keep(copy, 'a');
    rmSync(lists(), { recursive: true });
    wallMs += 5000;
    await keep(copy, 'a');
    expect(await restored()).toEqual([STATE.lastId, 8, START_MS + 5000, 1]);
  });

  it.each<readonly [string, (bytes: Buffer) => Buffer, string]>([
    ['lack their end', (bytes) => bytes.subarray(0, -40), 'the list is not JSON: it ends too early'],
    ['lack all but their first line', (bytes) => bytes.subarray(0, bytes.indexOf('\n') + 1), 'JSON object'],
    [
      'have another digit in a name',
      (bytes) => Buffer.from(bytes.toString('latin1').replace('token-1', 'token-2'), 'latin1'),
      'the copy is damaged',
    ],
    [
      'have another position',
      (bytes) => Buffer.from(bytes.toString('latin1').replace('99000-1', '99000-x'), 'latin1'),
      'the copy is damaged',
    ],
    ['are zeros behind the first line', (bytes) => bytes.fill(0, bytes.indexOf('\n') + 1), 'JSON object'],
  ])('are not used when they %s', async (_, damage, reason) => {
    await keep(copyOf(), 'token-1');
    writeFileSync(path(), damage(readFileSync(path())));
    expect(await restored()).toBeUndefined();
    expect(reasons()).toEqual([expect.stringContaining(reason)]);
  });

  it('are not used when the first line makes no sense', async () => {
    await keep(copyOf(), 'a');
    writeFileSync(path(), Buffer.concat([Buffer.from('x'), readFileSync(path())]));
    expect(await restored()).toBeUndefined();
  });

  it('are not used when others may write to the folder, and are not written then', async () => {
    const copy = copyOf();
    await keep(copy, 'a');
    chmodSync(lists(), 0o777);
    expect(await restored()).toBeUndefined();
    wallMs += 1000;
    await keep(copy, 'a', 'b');
    expect(recorder.lines).toEqual([
      'warn: revocations could not be read from cache_directory',
      'warn: revocations could not be written to cache_directory',
    ]);
    chmodSync(lists(), 0o700);
    expect((await restored())?.[1]).toBe(8);
    // It is tried again after a minute.
    wallMs += 59_999;
    await keep(copy, 'a', 'b');
    expect((await restored())?.[1]).toBe(8);
    wallMs += 1;
    await keep(copy, 'a', 'b');
    expect((await restored())?.[1]).toBe(9);
  });

  it('are not used when others may write to the file, and are written anew in its place', async () => {
    const copy = copyOf();
    await keep(copy, 'a');
    chmodSync(path(), 0o666);
    expect(await restored()).toBeUndefined();
    wallMs += 1000;
    await keep(copy, 'a', 'b');
    expect((await restored())?.[1]).toBe(9);
    expect(recorder.lines).toEqual(['warn: revocations could not be read from cache_directory']);
  });

  it('are not used when there are more than max_entries', async () => {
    await keep(copyOf(), 'a', 'b');
    expect(await restored(copyOf(configOf({ max_entries: 1 })))).toBeUndefined();
    expect(reasons()).toEqual(['more than 1 entries (max_entries)']);
  });

  it.each([
    ['key', { key: 'others' }],
    ['database', { database: 1 }],
    ['port', { port: 6380 }],
    ['user', { username: 'other', password: 'x' }],
    ['TLS', { ssl: true }],
    ['name in the certificate', { ssl: true, server_name: 'other.example.com' }],
    ['authority', { ssl: true, ca_file: '/etc/ssl/other.pem' }],
  ])('are not those of a list that is read with another %s', async (_, redis) => {
    await keep(copyOf(configOf({}, 'server_name' in redis || 'ca_file' in redis ? { ssl: true } : {})), 'a');
    expect(await restored(copyOf(configOf({}, redis)))).toBeUndefined();
    expect(recorder.records).toEqual([]);
  });

  it.each([
    ['without a folder', { list_fetch: {} }],
    ['with max_stale: 0', { max_stale: 0 }],
  ])('are not kept %s', async (_, changes) => {
    const copy = copyOf(configOf(changes));
    expect(copy.isKept).toBe(false);
    await keep(copy, 'a');
    expect(await copy.restore()).toBeUndefined();
    expect(readdirSync(folder)).toEqual([]);
  });
});
