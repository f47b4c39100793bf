import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ownershipProblems } from '../../../../src/cli/install/ownership';

const self = process.getuid!();
const isRoot = self === 0;
if (!isRoot) console.log('SKIPPED: files of other users need root');

describe('who may replace a file', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'ownership-'));
    file = join(folder, 'code/main.js');
    mkdirSync(join(folder, 'code'), { mode: 0o755 });
    writeFileSync(file, '', { mode: 0o644 });
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it('is nobody else when the file and all its folders are protected; a sticky /tmp counts as protected', () => {
    expect(ownershipProblems(file, [self])).toEqual([]);
  });

  it.each([
    ['the file', 0o646, 'main.js'],
    ['its folder', 0o757, 'code'],
  ])('is every user when %s may be written by all', (which, mode, name) => {
    chmodSync(which === 'the file' ? file : join(folder, 'code'), mode);
    expect(ownershipProblems(file, [self])).toEqual([
      expect.stringMatching(new RegExp(`/${name} may be written by every user`)),
    ]);
  });

  it('is judged where a symbolic link leads to', () => {
    chmodSync(file, 0o646);
    symlinkSync(file, join(folder, 'link'));
    expect(ownershipProblems(join(folder, 'link'), [self])).toHaveLength(1);
  });

  it('says what is wrong with a file that is not there', () => {
    expect(ownershipProblems(join(folder, 'none'), [self])).toEqual([`${folder}/none: ENOENT`]);
  });

  (isRoot ? it : it.skip)('is another user who owns the file, unless that user is named', () => {
    chownSync(file, 12_345, 0);
    expect(ownershipProblems(file, [])).toEqual([expect.stringContaining('main.js belongs to user 12345')]);
    expect(ownershipProblems(file, [12_345])).toEqual([]);
  });

  (isRoot ? it : it.skip)('is a group that may write', () => {
    chownSync(file, 0, 12_345);
    chmodSync(file, 0o664);
    expect(ownershipProblems(file, [])).toEqual([expect.stringContaining('may be written by group 12345')]);
  });
});
