import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, mkdir, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A document as it was fetched, with when and for how long. */
export interface StoredDocument {
  /** JSON; whoever reads it checks it like a fetched document. */
  readonly body: unknown;
  /** `Date.now()` of the fetch. */
  readonly fetchedAtMs: number;
  readonly lifetimeSeconds: number;
}

/** The last good document of one source on disk, for a cold start while the provider is down. */
export interface DocumentFile {
  /** Replaces the file at once or not at all. Rejects when the disk does not let it or the folder is not safe. */
  write(stored: StoredDocument): Promise<void>;
  /**
   * Returns what is stored; `undefined` when there is nothing, or nothing that makes sense. Rejects when it cannot be
   * read or the folder is not safe.
   */
  read(): Promise<StoredDocument | undefined>;
}

/** The cache directory may be written by others, who could then decide whose tokens are believed. */
export class UnsafeDirectoryError extends Error {
  override readonly name = 'UnsafeDirectoryError';
}

/** 1000 keys of the longest kind that is accepted have less. */
const LARGEST_FILE_BYTES = 8 * 1024 * 1024;

/**
 * Returns the file of one source in `directory`. Whoever can write there can decide whose tokens are believed: the
 * directory is made for the owner only, and one that others own or may write is not used.
 *
 * @param source - everything that decides which keys these are; its digest is the name
 */
export function documentFile(directory: string, source: string): DocumentFile {
  const path = join(directory, `${createHash('sha256').update(source).digest('hex')}.json`);
  return {
    async write(stored) {
      await makeDirectory(directory);
      await requireSafe(directory);
      const temporary = `${path}.${randomUUID()}`;
      try {
        await writeFile(temporary, JSON.stringify({ source, ...stored }), { mode: 0o600, flag: 'wx' });
        await rename(temporary, path);
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
    async read() {
      const text = await readRegularFile(path);
      if (text === undefined) return undefined;
      await requireSafe(directory);
      return parseStored(text, source);
    },
  };
}

/** The folder above must be there: a mistyped path should not become one. */
async function makeDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return;
    throw error;
  }
  // Again, because the plugin server's umask, made for its socket, has taken the right to enter it.
  await chmod(directory, 0o700);
}

async function requireSafe(directory: string): Promise<void> {
  const { mode, uid } = await stat(directory);
  const isOurs = uid === 0 || uid === process.geteuid?.();
  if (!isOurs || (mode & 0o022) !== 0) throw new UnsafeDirectoryError('others may write to the folder');
}

/** Returns `undefined` when there is no file. Links, pipes and devices are not followed, opened or waited for. */
async function readRegularFile(path: string): Promise<string | undefined> {
  let file;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const status = await file.stat();
    return status.isFile() && status.size <= LARGEST_FILE_BYTES ? await file.readFile('utf8') : '';
  } finally {
    await file.close();
  }
}

function parseStored(text: string, source: string): StoredDocument | undefined {
  try {
    const stored = JSON.parse(text) as StoredDocument & { source: unknown };
    const isWhole = stored.source === source && isTime(stored.fetchedAtMs) && isTime(stored.lifetimeSeconds);
    return isWhole ? stored : undefined;
  } catch {
    return undefined;
  }
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
