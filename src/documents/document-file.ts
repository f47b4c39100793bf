import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, rename, rm, writeFile } from 'node:fs/promises';
import { openTrustedFolder, type TrustedFolder } from '../files/trusted-folder';
import { mayOthersWrite, UntrustedPathError } from '../files/trusted-path';

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

/** 1000 keys of the longest kind that is accepted have less. */
const LARGEST_FILE_BYTES = 8 * 1024 * 1024;

/**
 * Returns the file of one source in `directory`. Whoever can write there can decide whose tokens are believed: the
 * directory is made for the owner only, and one that others own, may write or may exchange is not used. Everything
 * happens in the folder that was opened and checked, whatever becomes of its path meanwhile.
 *
 * @param source - everything that decides which keys these are; its digest is the name
 */
export function documentFile(directory: string, source: string): DocumentFile {
  const name = `${createHash('sha256').update(source).digest('hex')}.json`;
  return {
    write: (stored) =>
      inFolder(directory, async (folder) => {
        const temporary = folder.at(`${name}.${randomUUID()}`);
        try {
          await writeFile(temporary, JSON.stringify({ source, ...stored }), { mode: 0o600, flag: 'wx' });
          await rename(temporary, folder.at(name));
        } catch (error) {
          await rm(temporary, { force: true });
          throw error;
        }
      }),
    async read() {
      try {
        const text = await inFolder(directory, (folder) => readRegularFile(folder.at(name)), false);
        return parseStored(text, source);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
  };
}

async function inFolder<T>(
  directory: string,
  use: (folder: TrustedFolder) => Promise<T>,
  mayBeMade = true,
): Promise<T> {
  const folder = openTrustedFolder(directory, mayBeMade ? 0o700 : undefined);
  try {
    return await use(folder);
  } finally {
    folder.close();
  }
}

/** Returns the text of a file. Links, pipes and devices are not followed, opened or waited for. */
async function readRegularFile(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = await file.stat();
    if (mayOthersWrite(status)) throw new UntrustedPathError('others may write to the file');
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
