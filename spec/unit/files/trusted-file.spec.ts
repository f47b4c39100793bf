import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type FileKind, openTrustedFile, useTrustedFile } from '../../../src/files/trusted-file';
import { describeOtherUser, NOBODY } from '../../support/other-user';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trusted-file-'));
  path = join(folder, 'file');
  writeFileSync(path, 'text', { mode: 0o600 });
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const read = (kind: FileKind, at = path): string => useTrustedFile(at, kind, (file) => file.read());

describe('a file', () => {
  it.each<[FileKind, number]>([
    ['secret', 0o600],
    ['secret', 0o400],
    ['public', 0o644],
    ['public', 0o664],
    ['public', 0o444],
  ])('is read when it is %s and its mode is %o', (kind, mode) => {
    chmodSync(path, mode);
    expect(read(kind)).toBe('text');
  });

  it.each<[FileKind, number, string]>([
    ['secret', 0o644, 'others may read'],
    ['secret', 0o604, 'others may read'],
    ['secret', 0o602, 'others may write to'],
    ['secret', 0o666, 'others may write to'],
    ['public', 0o646, 'others may write to'],
    ['public', 0o666, 'others may write to'],
  ])('is rejected when it is %s and its mode is %o: %s it', (kind, mode, problem) => {
    chmodSync(path, mode);
    expect(() => read(kind)).toThrow(`${problem} ${path} (mode 0${mode.toString(8)}): chmod`);
  });

  it('is read through the links of a mounted Kubernetes secret', () => {
    const version = join(folder, '..2030_01_01');
    mkdirSync(version);
    writeFileSync(join(version, 'keys'), 'mounted', { mode: 0o400 });
    symlinkSync('..2030_01_01', join(folder, '..data'));
    symlinkSync('..data/keys', join(folder, 'keys'));
    chmodSync(folder, 0o1777);
    expect(read('secret', join(folder, 'keys'))).toBe('mounted');
  });

  it.each([
    ['a folder', () => folder, 'is a folder'],
    [
      'a pipe that nobody writes to',
      () => {
        execFileSync('mkfifo', ['-m', '600', `${path}.pipe`]);
        return `${path}.pipe`;
      },
      'is not a regular file',
    ],
    [
      'too large',
      () => {
        truncateSync(path, 8 * 1024 * 1024 + 1);
        return path;
      },
      'has more than 8388608 bytes',
    ],
  ])('is rejected when it is %s', (_, made, problem) => {
    expect(() => read('public', made())).toThrow(problem);
  });

  it('is closed whatever its use does', () => {
    const openFiles = (): number => readdirSync('/proc/self/fd').length;
    const before = openFiles();
    expect(() =>
      useTrustedFile(path, 'public', () => {
        throw new Error('odd');
      }),
    ).toThrow('odd');
    chmodSync(path, 0o666);
    expect(() => read('public')).toThrow('others may write');
    expect(openFiles()).toBe(before);
  });
});

describe('a file that is read piece by piece', () => {
  it('is read as a whole', async () => {
    const text = 'text'.repeat(50_000);
    writeFileSync(path, text);
    const file = openTrustedFile(path, 'public', 1_000_000);
    const pieces: string[] = [];
    for await (const piece of file.pieces()) pieces.push(Buffer.from(piece).toString());
    file.close();
    expect(pieces.length).toBeGreaterThan(1);
    expect(pieces.join('')).toBe(text);
  });

  it.each([
    [
      'another text is written into it',
      (): void => {
        writeFileSync(path, 'another text');
      },
    ],
    [
      'it is cut',
      (): void => {
        truncateSync(path, 1);
      },
    ],
  ])('is refused when %s meanwhile', async (_, change) => {
    const file = openTrustedFile(path, 'public', 1_000_000);
    const readAll = async (): Promise<void> => {
      for await (const piece of file.pieces()) if (piece.length > 0) change();
    };
    await expect(readAll()).rejects.toThrow(`${path} was changed while it was read`);
    file.close();
  });
});

describeOtherUser('a file in which another user has a part', () => {
  it("is rejected when it is a secret of this process's own user, not root, and the group may read it", () => {
    chownSync(folder, NOBODY, NOBODY);
    chownSync(path, NOBODY, NOBODY);
    chmodSync(path, 0o640);
    process.seteuid!(NOBODY);
    try {
      expect(() => read('secret')).toThrow('others may read');
      expect(read('public')).toBe('text');
      chmodSync(path, 0o600);
      expect(read('secret')).toBe('text');
    } finally {
      process.seteuid!(0);
    }
  });

  it("is rejected when it is that user's and a secret", () => {
    chownSync(path, NOBODY, NOBODY);
    expect(() => read('secret')).toThrow('belongs to another user (uid 65534)');
    expect(read('public')).toBe('text');
  });

  it("may be read by that user's group, and not written, when it is a secret of root's", () => {
    chownSync(path, 0, NOBODY);
    chmodSync(path, 0o640);
    expect(read('secret')).toBe('text');
    chmodSync(path, 0o660);
    expect(() => read('secret')).toThrow('others may write to');
  });
});
