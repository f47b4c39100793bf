import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { documentFile, type DocumentFile } from '../../../src/documents/document-file';
import { DocumentReport } from '../../../src/documents/document-report';
import { listSubject } from '../../../src/revocation/document-list';
import { StreamMark } from '../../../src/revocation/stream-mark';
import { LogRecorder } from '../../support/key-issuer';

const NAME = 'redis://127.0.0.1:6379/0 revocations';

describe('how far a stream was read', () => {
  let folder: string;
  let nowMs: number;
  let recorder: LogRecorder;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'stream-mark-'));
    nowMs = 1_800_000_000_000;
    recorder = new LogRecorder();
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const now = (): number => nowMs;
  const lists = (): string => join(folder, 'lists');
  const onDisk = (): DocumentFile => documentFile(lists(), NAME);
  const stored = async (): Promise<unknown> => (await onDisk().read())?.body;
  /** Waits until that is on the disk. */
  const isStored = async (lastId: string): Promise<void> => {
    while (!JSON.stringify((await stored()) ?? null).includes(`"${lastId}"`)) await new Promise(setImmediate);
  };
  /** Waits until nothing more is being written. */
  const isQuiet = async (): Promise<void> => {
    for (let turn = 0; turn < 20; turn++) await onDisk().readTimes();
  };
  const markOf = (file: DocumentFile | undefined = onDisk()): StreamMark => {
    const report = new DocumentReport(listSubject(NAME, false), now, recorder.log, () => undefined);
    return new StreamMark(file, { now, wallClock: now }, report);
  };

  it('is accepted when nothing was kept, or as much or more is there', async () => {
    await markOf().check({ lastId: '5-1', added: 1 });
    markOf().note({ lastId: '5-1', added: 7 });
    await isStored('5-1');
    await markOf().check({ lastId: '5-1', added: 7 });
    await markOf().check({ lastId: '10-0', added: 8 });
  });

  it.each<readonly [string, string, number]>([
    ['has an older last record', '4-9', 7],
    ['has an older last record of the same millisecond', '5-0', 7],
    ['got fewer records', '9-0', 6],
    ['was emptied and made anew', '9-0', 1],
  ])('is refused after a restart when the stream %s', async (_, lastId, added) => {
    markOf().note({ lastId: '5-1', added: 7 });
    await isStored('5-1');
    await expect(markOf().check({ lastId, added })).rejects.toThrow('the stream is older than when it was last read');
    // A process that is still running does not overwrite what refuses it.
    const running = markOf();
    running.note({ lastId: '5-1', added: 7 });
    nowMs += 5_000;
    running.note({ lastId, added });
    await isQuiet();
    expect(await stored()).toEqual({ lastId: '5-1', added: 7 });
    rmSync(lists(), { recursive: true });
    await markOf().check({ lastId, added });
  });

  it('is written at most once a second, and not when nothing changed', async () => {
    const mark = markOf();
    mark.note({ lastId: '5-1', added: 1 });
    await isStored('5-1');
    nowMs += 999;
    mark.note({ lastId: '6-1', added: 2 });
    await isQuiet();
    expect(await stored()).toEqual({ lastId: '5-1', added: 1 });
    nowMs += 1;
    mark.note({ lastId: '6-1', added: 2 });
    await isStored('6-1');
    rmSync(lists(), { recursive: true });
    nowMs += 5_000;
    mark.note({ lastId: '6-1', added: 2 });
    await isQuiet();
    expect(await stored()).toBeUndefined();
  });

  it('is not moved back by a process that is behind', async () => {
    markOf().note({ lastId: '9000-1', added: 9 });
    await isStored('9000-1');
    markOf().note({ lastId: '8000-1', added: 8 });
    await isQuiet();
    expect(await stored()).toEqual({ lastId: '9000-1', added: 9 });
  });

  it.each([
    ['null', 'null'],
    ['a list', '[]'],
    ['no id', '{"added":9}'],
    ['an id that is none', '{"lastId":"9","added":9}'],
    ['a number that is none', '{"lastId":"9-9","added":"9"}'],
  ])('does not count when the file holds %s', async (_, body) => {
    markOf().note({ lastId: '5-1', added: 7 });
    await isStored('5-1');
    const path = join(lists(), readdirSync(lists())[0]!);
    const times = { source: NAME, fetchedAtMs: 1, lifetimeSeconds: 0 };
    writeFileSync(path, `${JSON.stringify(times)}\n${body}`);
    await markOf().check({ lastId: '1-1', added: 1 });
  });

  it('stops nothing when the folder is not safe, and says so', async () => {
    markOf().note({ lastId: '5-1', added: 7 });
    await isStored('5-1');
    chmodSync(lists(), 0o777);
    await markOf().check({ lastId: '1-1', added: 1 });
    expect(recorder.lines).toEqual(['warn: revocations could not be read from cache_directory']);
    markOf().note({ lastId: '6-1', added: 8 });
    while (recorder.records.length < 2) await new Promise(setImmediate);
    expect(recorder.lines[1]).toBe('warn: revocations could not be written to cache_directory');
  });

  it('is not asked and not kept without a folder', async () => {
    const mark = new StreamMark(
      undefined,
      { now, wallClock: now },
      new DocumentReport(listSubject(NAME, false), now, recorder.log, () => undefined),
    );
    mark.note({ lastId: '5-1', added: 7 });
    await mark.check({ lastId: '1-1', added: 1 });
    expect(recorder.records).toEqual([]);
  });
});
