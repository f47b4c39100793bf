import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openTrustedFolder } from '../../../src/files/trusted-folder';
import { UntrustedPathError } from '../../../src/files/trusted-path';

let parent: string;
let path: string;
beforeEach(() => {
  parent = realpathSync(mkdtempSync(join(tmpdir(), 'trusted-folder-')));
  path = join(parent, 'folder');
});
afterEach(() => {
  rmSync(parent, { recursive: true });
});
const openFiles = (): number => readdirSync('/proc/self/fd').length;
const modeOf = (folder: string): number => statSync(folder).mode & 0o777;

describe('a folder', () => {
  it.each([0o700, 0o750])('is made with the mode that is asked for (%o), whatever the umask is', (mode) => {
    const umask = process.umask(0o177);
    try {
      openTrustedFolder(path, mode).close();
    } finally {
      process.umask(umask);
    }
    expect(modeOf(path)).toBe(mode);
  });

  it('keeps its mode when it is there', () => {
    mkdirSync(path, { mode: 0o755 });
    openTrustedFolder(path, 0o700).close();
    expect(modeOf(path)).toBe(0o755);
  });

  it('is not made when nobody asked for it, or when the folder above is missing', () => {
    expect(() => openTrustedFolder(path)).toThrow('ENOENT');
    expect(() => openTrustedFolder(join(path, 'inner'), 0o700)).toThrow('ENOENT');
    expect(readdirSync(parent)).toEqual([]);
  });

  it('is not made where everybody may write', () => {
    chmodSync(parent, 0o777);
    expect(() => openTrustedFolder(path, 0o700)).toThrow(UntrustedPathError);
    expect(readdirSync(parent)).toEqual([]);
  });

  it.each([0o757, 0o777, 0o1777])('is refused, and closed, when everybody may write to it (mode %o)', (mode) => {
    mkdirSync(path);
    chmodSync(path, mode);
    const before = openFiles();
    expect(() => openTrustedFolder(path)).toThrow(`others may write to the folder ${path} (mode `);
    expect(openFiles()).toBe(before);
  });

  it('is refused when it is a file', () => {
    writeFileSync(path, '');
    expect(() => openTrustedFolder(path, 0o700)).toThrow('ENOTDIR');
  });

  it('is the one that was opened, whatever its path leads to later', () => {
    mkdirSync(path);
    writeFileSync(join(path, 'file'), 'ours');
    const folder = openTrustedFolder(path);
    renameSync(path, `${path}.moved`);
    mkdirSync(path);
    writeFileSync(join(path, 'file'), 'exchanged');
    expect(readFileSync(folder.at('file'), 'utf8')).toBe('ours');
    const before = openFiles();
    folder.close();
    expect(openFiles()).toBe(before - 1);
  });

  it('is what a link of a trusted user leads to', () => {
    mkdirSync(path);
    writeFileSync(join(path, 'file'), 'text');
    symlinkSync('folder', join(parent, 'link'));
    const folder = openTrustedFolder(join(parent, 'link'));
    expect(readFileSync(folder.at('file'), 'utf8')).toBe('text');
    folder.close();
  });
});
