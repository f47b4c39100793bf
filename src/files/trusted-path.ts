import { lstatSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { isPrivateGroup } from './private-group';

/** A path that another user of the machine could change, exchange or read. The message says where, and the cure. */
export class UntrustedPathError extends Error {
  override readonly name = 'UntrustedPathError';
}

/** Whom a path may belong to besides root and the user of this process. */
export interface PathTrust {
  /**
   * Another user, where root or the user of this process has put what belongs to that user. Never in a folder in which
   * everybody may create something, such as /tmp.
   */
  readonly mayBelongToOthers: boolean;
  /** Members of a folder's group may write to it. */
  readonly groupMayWrite: boolean;
}

/** For what only root and the user of this process may decide. */
export const OURS_ALONE: PathTrust = { mayBelongToOthers: false, groupMayWrite: false };

/** Linux follows as many links in one path. */
const MAX_LINKS = 40;

/** The permission bits with which a group, or everybody, may write. */
const GROUP_WRITES = 0o020;
const ALL_WRITE = 0o002;
const STICKY = 0o1000;

/**
 * Returns the path without links of what `path` leads to, after making sure that no other user can make it lead
 * elsewhere, now or later: each folder and link on the way belongs to a trusted user, and nobody else may write to these
 * folders. A folder with the sticky bit, such as /tmp, may be written by others, because they cannot move or remove what
 * is not theirs. The permissions of the last part are for the caller to check, on what it opens.
 *
 * The way is checked from the root down. What a checked folder holds can be changed by trusted users only, so there is
 * no time between this check and a use in which another user could exchange a part.
 *
 * Systems without user ids (Windows) are not checked.
 *
 * @throws {@link UntrustedPathError}, or the error of `lstat(2)`
 */
export function trustedPath(path: string, trust: PathTrust = OURS_ALONE): string {
  const ownId = process.geteuid?.();
  if (ownId === undefined) return path;
  const trustedIds = new Set([0, ownId]);
  const pending = partsOf(isAbsolute(path) ? path : join(process.cwd(), path));
  let current = '/';
  let isOpenToAll = isWrittenByOthers(lstatSync(current), current, ownId, trust);
  let links = 0;
  for (let part = pending.shift(); part !== undefined; part = pending.shift()) {
    const next = part === '..' ? dirname(current) : join(current, part);
    const status = lstatSync(next);
    if (!trustedIds.has(status.uid)) {
      if (isOpenToAll || !trust.mayBelongToOthers) throw new UntrustedPathError(belongsToAnother(next, status));
      trustedIds.add(status.uid);
    }
    if (status.isSymbolicLink()) {
      if (++links > MAX_LINKS) throw new UntrustedPathError(`${path} leads through too many links`);
      const target = readlinkSync(next);
      pending.unshift(...partsOf(target));
      if (!isAbsolute(target)) continue;
      current = '/';
    } else {
      current = next;
      if (pending.length === 0) return current;
    }
    isOpenToAll = isWrittenByOthers(lstatSync(current), current, ownId, trust);
  }
  return current;
}

/** Whether others than the owner, the group 0, which is root's, and the owner's private group may write to what was opened. */
export function mayOthersWrite({ mode, uid, gid }: Stats, { groupMayWrite }: PathTrust = OURS_ALONE): boolean {
  if ((mode & ALL_WRITE) !== 0) return true;
  // Kong's official image lets group 0 write to its prefix, its packages let the group of the user `kong`.
  return (mode & GROUP_WRITES) !== 0 && !groupMayWrite && gid !== 0 && !isPrivateGroup(gid, uid);
}

/** Text for an error: permission bits as `chmod` takes them. */
export function modeOf({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}

/** Whether a folder on the way may be written by others, who cannot move what is not theirs. @throws if they can */
function isWrittenByOthers(status: Stats, folder: string, ownId: number, trust: PathTrust): boolean {
  // A user who is in no file (LDAP) may have a group without other members, of the same number, as well.
  const isOwnGroup = status.gid === ownId && status.uid === ownId;
  const isWritten = mayOthersWrite(status, isOwnGroup ? { ...trust, groupMayWrite: true } : trust);
  if (isWritten && (status.mode & STICKY) === 0) {
    throw new UntrustedPathError(`others may write to the folder ${folder} (mode ${modeOf(status)})`);
  }
  return isWritten;
}

function belongsToAnother(path: string, { uid }: Stats): string {
  return `${path} belongs to another user (uid ${uid})`;
}

function partsOf(path: string): string[] {
  return path.split('/').filter((part) => part !== '' && part !== '.');
}
