import { chmodSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { watchedFile } from '../../../src/documents/watched-file';
import type { FileKind } from '../../../src/files/trusted-file';
import { renewalChannel } from '../../../src/telemetry/channels';
import { LogRecorder } from '../../support/key-issuer';

let folder: string;
let path: string;
let nowMs: number;
let recorder: LogRecorder;
/** What was parsed, and what was there before. */
let parsed: [text: string, before: string | undefined][];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'watched-'));
  path = join(folder, 'file');
  writeFileSync(path, 'one', { mode: 0o600 });
  nowMs = 1_800_000_000_000;
  recorder = new LogRecorder();
  parsed = [];
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const replace = (text: string): void => {
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
};
const open = (kind: FileKind = 'secret'): (() => string) => {
  const parse = (text: string, before: string | undefined): string => {
    parsed.push([text, before]);
    if (text === 'bad') throw new Error('it is bad');
    return `parsed ${text}`;
  };
  return watchedFile(path, kind, parse, { now: () => nowMs, log: recorder.log });
};

describe('a file that is watched', () => {
  it('is read at once, and looked at every five seconds while it is in use', () => {
    const read = open();
    expect(read()).toBe('parsed one');
    replace('two');
    nowMs += 4_999;
    expect(read()).toBe('parsed one');
    nowMs += 1;
    expect(read()).toBe('parsed two');
    replace('three');
    nowMs += 4_999;
    expect(read()).toBe('parsed two');
    nowMs += 1;
    expect(read()).toBe('parsed three');
    expect(parsed).toEqual([
      ['one', undefined],
      ['two', 'parsed one'],
      ['three', 'parsed two'],
    ]);
    const record = { level: 'notice', message: 'file reloaded', fields: { path } };
    expect(recorder.records).toEqual([record, record]);
  });

  it('is not parsed again while it is the same', () => {
    const read = open();
    for (let turn = 0; turn < 3; turn += 1) {
      nowMs += 5_000;
      expect(read()).toBe('parsed one');
    }
    expect(parsed).toHaveLength(1);
    expect(recorder.records).toEqual([]);
  });

  it('is read again once after a message on the renewal channel, although it looks the same', () => {
    utimesSync(path, 1, 1);
    const read = open();
    writeFileSync(path, 'two');
    utimesSync(path, 1, 1);
    nowMs += 5_000;
    expect(read()).toBe('parsed one');
    renewalChannel.publish({});
    expect([read(), read()]).toEqual(['parsed two', 'parsed two']);
    nowMs += 5_000;
    expect(read()).toBe('parsed two');
    expect(parsed).toHaveLength(2);
  });

  it('is read again when it can be, although it looks the same, when it could not be after such a message', () => {
    utimesSync(path, 1, 1);
    const read = open();
    chmodSync(path, 0o644);
    renewalChannel.publish({});
    expect(read()).toBe('parsed one');
    writeFileSync(path, 'two');
    utimesSync(path, 1, 1);
    chmodSync(path, 0o600);
    nowMs += 5_000;
    expect(read()).toBe('parsed two');
  });

  it.each<[string, () => void, string]>([
    [
      'is bad',
      () => {
        replace('bad');
      },
      'it is bad',
    ],
    [
      'is gone',
      () => {
        rmSync(path);
      },
      'ENOENT',
    ],
    [
      'may be read by others',
      () => {
        chmodSync(path, 0o644);
      },
      'others may read',
    ],
  ])('stays what it was when it %s, and the log says why', (_, spoil, reason) => {
    const read = open();
    spoil();
    renewalChannel.publish({});
    for (let turn = 0; turn < 3; turn += 1) expect(read()).toBe('parsed one');
    expect(recorder.records).toEqual([
      {
        level: 'error',
        message: 'file cannot be used, the previous version stays in use',
        fields: { path, reason: expect.stringContaining(reason) },
      },
    ]);
    replace('two');
    nowMs += 5_000;
    expect(read()).toBe('parsed two');
  });

  it('is an error at first when it cannot be used', () => {
    chmodSync(path, 0o644);
    expect(open('public')()).toBe('parsed one');
    expect(() => open('secret')).toThrow('others may read');
    writeFileSync(path, 'bad');
    expect(() => open('public')).toThrow('it is bad');
    rmSync(path);
    expect(() => open('public')).toThrow('ENOENT');
  });
});
