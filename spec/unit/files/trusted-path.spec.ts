import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { trustedPath, UntrustedPathError } from '../../../src/files/trusted-path';
import { asNobody, describeOtherUser, NOBODY } from '../../support/other-user';

const ANYBODYS = { mayBelongToOthers: true, groupMayWrite: true };

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'trusted-path-')));
  chmodSync(folder, 0o755);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});
const make = (name: string, mode: number): string => {
  const path = join(folder, name);
  mkdirSync(path);
  chmodSync(path, mode);
  return path;
};

describe('a path', () => {
  it('is trusted when nobody else may write to a folder on the way', () => {
    const inner = make('inner', 0o755);
    writeFileSync(join(inner, 'file'), '');
    expect(trustedPath(join(inner, 'file'))).toBe(join(inner, 'file'));
    expect(trustedPath(`${folder}/./inner//../inner/file`)).toBe(join(inner, 'file'));
    expect(() => trustedPath(join(inner, 'missing'))).toThrow('ENOENT');
    expect(() => trustedPath(join(inner, 'file', 'more'))).toThrow('ENOTDIR');
  });

  it('is trusted from the working directory on when it is relative', () => {
    expect(trustedPath('package.json')).toBe(join(realpathSync(process.cwd()), 'package.json'));
  });

  it.each([0o757, 0o777])('is rejected when everybody may write to a folder on the way (mode %o)', (mode) => {
    const open = make('open', mode);
    writeFileSync(join(open, 'file'), '');
    for (const trust of [undefined, ANYBODYS]) {
      expect(() => trustedPath(join(open, 'file'), trust)).toThrow(`others may write to the folder ${open} (mode 0`);
    }
  });

  it('is trusted in a folder that everybody may write to when they cannot move what is there', () => {
    const sticky = make('sticky', 0o1777);
    writeFileSync(join(sticky, 'file'), '');
    expect(trustedPath(join(sticky, 'file'))).toBe(join(sticky, 'file'));
  });

  it('is what a link leads to, and every folder on the way there counts', () => {
    const open = make('open', 0o777);
    const inner = make('inner', 0o755);
    writeFileSync(join(inner, 'file'), '');
    writeFileSync(join(open, 'file'), '');
    symlinkSync('inner/file', join(folder, 'relative'));
    symlinkSync(join(folder, 'relative'), join(folder, 'absolute'));
    symlinkSync('open/file', join(folder, 'unsafe'));
    symlinkSync('loop', join(folder, 'loop'));
    expect(trustedPath(join(folder, 'absolute'))).toBe(join(inner, 'file'));
    expect(() => trustedPath(join(folder, 'unsafe'))).toThrow(UntrustedPathError);
    expect(() => trustedPath(join(folder, 'loop'))).toThrow('too many links');
  });

  it('goes on above the folder that a link leads to, as the system does', () => {
    const inner = make('inner', 0o755);
    mkdirSync(join(inner, 'deep'));
    writeFileSync(join(inner, 'file'), '');
    symlinkSync('inner/deep', join(folder, 'link'));
    expect(trustedPath(`${folder}/link/../file`)).toBe(join(inner, 'file'));
  });
});

describeOtherUser('a path in which another user has a part', () => {
  // In no file of users and groups, as users of LDAP are.
  const LDAP_USER = 54_321;
  it.each([
    ['trusted', 'it is its own and the group has the same number', LDAP_USER, LDAP_USER],
    ['trusted', "it is its own and the group is root's", LDAP_USER, 0],
    ['rejected', "it is root's and the group has the same number", 0, LDAP_USER],
    ['rejected', 'it is its own and the group has another number', LDAP_USER, LDAP_USER + 1],
  ])('is %s by a user in no file when the group may write to a folder: %s', (expected, _, uid, gid) => {
    const shared = make('shared', 0o775);
    writeFileSync(join(shared, 'file'), '');
    chownSync(shared, uid, gid);
    process.seteuid!(LDAP_USER);
    try {
      if (expected === 'trusted') expect(trustedPath(join(shared, 'file'))).toBe(join(shared, 'file'));
      else expect(() => trustedPath(join(shared, 'file'))).toThrow(`others may write to the folder ${shared}`);
    } finally {
      process.seteuid!(0);
    }
  });

  it('is rejected when the group of that user may write to a folder on the way', () => {
    const shared = make('shared', 0o775);
    chownSync(shared, 0, NOBODY);
    writeFileSync(join(shared, 'file'), '');
    expect(() => trustedPath(join(shared, 'file'))).toThrow(`others may write to the folder ${shared} (mode 0775)`);
    expect(trustedPath(join(shared, 'file'), ANYBODYS)).toBe(join(shared, 'file'));
  });

  it('is rejected when a folder or the file belongs to that user, unless that may be', () => {
    const theirs = make('theirs', 0o755);
    writeFileSync(join(theirs, 'file'), '');
    chownSync(join(theirs, 'file'), NOBODY, NOBODY);
    expect(() => trustedPath(join(theirs, 'file'))).toThrow('file belongs to another user (uid 65534)');
    chownSync(theirs, NOBODY, NOBODY);
    expect(() => trustedPath(join(theirs, 'file'))).toThrow('theirs belongs to another user (uid 65534)');
    expect(trustedPath(join(theirs, 'file'), ANYBODYS)).toBe(join(theirs, 'file'));
  });

  it.each([
    ['a folder', 'fs.mkdirSync(path)'],
    ['a file', "fs.writeFileSync(path, '')"],
    ['a link to what is ours', "fs.symlinkSync('/', path)"],
  ])('is rejected when that user made %s where everybody may make something', (_, script) => {
    const path = join(make('sticky', 0o1777), 'entry');
    asNobody(`const path = process.argv[1]; ${script}`, path);
    for (const trust of [undefined, ANYBODYS])
      expect(() => trustedPath(path, trust)).toThrow('belongs to another user');
  });
});
