import { randomUUID } from 'node:crypto';
import {
  closeSync,
  fchownSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  type Stats,
} from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { FetchError } from '../documents/fetch-error';
import { useTrustedFile } from '../files/trusted-file';
import { piecesOf, readListText } from './list-text';
import { isSameSubject, mergedEntry, readEntry, writeEntry, type RevocationEntry } from './revocation-entry';
import { EXTRA_SECONDS } from './revocation-table';

/** A list in a file, as whoever changes it sees it. */
export interface ListFile {
  readonly iat: number;
  readonly entries: readonly RevocationEntry[];
}

/** As large as what a gateway reads. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;
/** How long to wait for another who changes the file, and how long one may take, in milliseconds. */
const LOCK_WAIT_MS = 10_000;
const LOCK_STALE_MS = 60_000;
const LOCK_LOOK_MS = 20;

/**
 * Reads a list for whoever changes it: entries as they stand there.
 *
 * @throws FetchError for a list that a gateway would refuse, UntrustedPathError, or the error of the system
 */
export async function readListFile(path: string): Promise<ListFile> {
  const text = useTrustedFile(path, 'public', (file) => file.read(), MAX_FILE_BYTES);
  const entries: RevocationEntry[] = [];
  const { iat } = await readListText(piecesOf([Buffer.from(text)]), (entry, position) => {
    try {
      entries.push(readEntry(entry));
    } catch (error) {
      throw error instanceof FetchError ? new FetchError(`entry ${position}: ${error.message}`) : error;
    }
  });
  if (typeof iat !== 'number') throw new FetchError('the list has no iat');
  return { iat, entries };
}

/**
 * Changes the list in a file, which is made when it is missing: one change after another, whoever makes them, and each
 * at once or not at all. Entries that have ended are dropped. Mode and owner stay; a new file is for its owner only.
 *
 * @param change - returns the entries to keep
 * @param nowSeconds - the time, in seconds since the epoch
 * @throws FetchError, UntrustedPathError or the error of the system; the file is as it was then
 */
export async function changeListFile(
  path: string,
  change: (entries: readonly RevocationEntry[]) => readonly RevocationEntry[],
  nowSeconds: number,
): Promise<void> {
  const lock = await takeLock(`${path}.lock`, performance.now() + LOCK_WAIT_MS);
  try {
    const before = statOf(path);
    const { iat, entries } = before === undefined ? { iat: 0, entries: [] } : await readListFile(path);
    const living = entries.filter(({ exp }) => exp + EXTRA_SECONDS > nowSeconds);
    // The clock may have been set back; gateways refuse a list that is older than the one before.
    const list = { iat: Math.max(Math.floor(nowSeconds), iat), revocations: change(living).map(writeEntry) };
    replaceFile(path, `${listText(list)}\n`, before, lock);
  } finally {
    lock.release();
  }
}

/** Returns `entries` with `entry`, merged with those about the same subject. */
export function withEntry(entries: readonly RevocationEntry[], entry: RevocationEntry): readonly RevocationEntry[] {
  const others = entries.filter((each) => !isSameSubject(each, entry));
  return [...others, entries.filter((each) => isSameSubject(each, entry)).reduce(mergedEntry, entry)];
}

/** One entry a line, for people and `diff`. */
function listText({ iat, revocations }: { readonly iat: number; readonly revocations: readonly object[] }): string {
  const lines = revocations.map((entry) => `\n  ${JSON.stringify(entry)}`).join(',');
  return `{"iat":${iat},"revocations":[${lines}${lines === '' ? '' : '\n'}]}`;
}

function statOf(path: string): Stats | undefined {
  return statSync(path, { throwIfNoEntry: false });
}

function replaceFile(path: string, text: string, before: Stats | undefined, lock: Lock): void {
  const temporary = `${path}.${randomUUID()}`;
  try {
    const descriptor = openSync(temporary, 'wx', before === undefined ? 0o600 : before.mode & 0o777);
    try {
      // Root adds a revocation to a file of the gateway's user.
      if (before !== undefined && process.geteuid?.() === 0) fchownSync(descriptor, before.uid, before.gid);
      writeFileSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    if (!lock.isHeld())
      throw new FetchError('the change took too long, and another process changed the list meanwhile');
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** A lock file that this process made. */
interface Lock {
  /** Whether the file is still there: after {@link LOCK_STALE_MS} another process may have taken it over. */
  isHeld(): boolean;
  /** Removes the file if it is still there. */
  release(): void;
}

/**
 * Makes the lock file, or waits until it can be made. One that is older than {@link LOCK_STALE_MS} was left by a process
 * that ended, and is removed.
 *
 * @param deadline - when to give up, by `performance.now()`
 */
async function takeLock(path: string, deadline: number): Promise<Lock> {
  for (;;) {
    const lock = madeLock(path);
    if (lock !== undefined) return lock;
    const found = statOf(path);
    if (found !== undefined && Date.now() - found.mtimeMs > LOCK_STALE_MS) await removeStale(path, found, deadline);
    else if (performance.now() > deadline) throw new FetchError(`another process is changing the list (${path})`);
    else await wait(LOCK_LOOK_MS);
  }
}

/**
 * Removes a lock file that is stale, and no other. Of several processes that found it, a later one must not remove the lock
 * that an earlier one has made since: the right to remove this one file is a lock of its own, under its name.
 */
async function removeStale(path: string, stale: Stats, deadline: number): Promise<void> {
  const right = await takeLock(`${path}.${identityOf(stale)}`, deadline);
  try {
    if (isThere(path, stale)) rmSync(path, { force: true });
  } finally {
    right.release();
  }
}

/** Returns `undefined` when there is such a file already. */
function madeLock(path: string): Lock | undefined {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return undefined;
  }
  const made = statSync(path);
  return {
    isHeld: () => isThere(path, made),
    release: () => {
      if (isThere(path, made)) rmSync(path, { force: true });
    },
  };
}

function isThere(path: string, file: Stats): boolean {
  const found = statOf(path);
  return found !== undefined && identityOf(found) === identityOf(file);
}

/** Tells a file from one that was made later under the same name. */
function identityOf({ ino, mtimeMs }: Stats): string {
  return `${ino}-${Math.floor(mtimeMs)}`;
}
