import { createHash, randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A key set as it was fetched, with when and for how long. */
export interface StoredKeySet {
  /** The document, as parsed JSON; checked again like a fetched one when it is read. */
  readonly body: unknown;
  /** `Date.now()` of the fetch. */
  readonly fetchedAtMs: number;
  readonly lifetimeSeconds: number;
}

/** The last good key set of one source on disk, for a cold start while the provider is down. */
export interface KeySetFile {
  /** Replaces the file at once or not at all. Rejects when the disk does not let it. */
  write(stored: StoredKeySet): Promise<void>;
  /** Returns what is stored; `undefined` when there is nothing, or nothing that makes sense. */
  read(): Promise<StoredKeySet | undefined>;
}

/**
 * Returns the file of one source in `directory`. Whoever can write there can decide whose tokens are believed: the
 * directory is made for the owner only, and so are the files.
 *
 * @param source - the URL or issuer that the keys come from; only its digest is in the name
 */
export function keySetFile(directory: string, source: string): KeySetFile {
  const path = join(directory, `${createHash('sha256').update(source).digest('hex')}.json`);
  return {
    async write(stored) {
      const temporary = `${path}.${randomUUID()}`;
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await writeFile(temporary, JSON.stringify({ source, ...stored }), { mode: 0o600, flag: 'wx' });
      await rename(temporary, path);
    },
    async read() {
      const text = await readFile(path, 'utf8').catch(() => '');
      return parseStored(text, source);
    },
  };
}

function parseStored(text: string, source: string): StoredKeySet | undefined {
  try {
    const stored = JSON.parse(text) as StoredKeySet & { source: unknown };
    const isWhole = stored.source === source && isTime(stored.fetchedAtMs) && isTime(stored.lifetimeSeconds);
    return isWhole ? stored : undefined;
  } catch {
    return undefined;
  }
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
