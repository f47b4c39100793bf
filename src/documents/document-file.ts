import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { openTrustedFolder, type TrustedFolder } from '../files/trusted-folder';
import { mayOthersWrite, UntrustedPathError } from '../files/trusted-path';
import { FileDraft } from './file-draft';

/** When a document was fetched, for how long, and how new it was. */
export interface StoredTimes {
  /** `Date.now()` of the fetch. */
  readonly fetchedAtMs: number;
  readonly lifetimeSeconds: number;
  /** When the document says that it was issued, in seconds since the epoch, if it says so. */
  readonly issuedAtSeconds?: number | undefined;
}

/** A document as it was fetched. */
export interface StoredDocument extends StoredTimes {
  /** Whoever reads it checks it like a fetched document. */
  readonly body: unknown;
}

/** A document that is written while it is being read, so that no more than a piece of it is in memory. */
export interface DocumentDraft {
  /** Returns the pieces, each of which is written before it is handed on. The disk makes nothing fail here. */
  copied(pieces: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** The document is good: as {@link DocumentFile.write}, with what was copied as its body. */
  keep(times: StoredTimes): Promise<void>;
  /** The document is of no use: nothing of it stays. Never rejects. */
  discard(): Promise<void>;
}

/** What a body is: a value of JSON, or bytes in chunks (`readonly Uint8Array[]`). */
export type BodyFormat = 'json' | 'chunks';

/** The last good document of one source on disk, for a cold start while the provider is down. */
export interface DocumentFile {
  /**
   * Replaces the file at once or not at all, unless it holds a newer document. Rejects when the disk does not let it or the
   * folder is not safe.
   */
  write(stored: StoredDocument): Promise<void>;
  /** Begins to write a document while it is being read. Not there where the body is not kept. */
  readonly draft?: () => DocumentDraft;
  /** Notes that the provider confirmed the document that was written last, if the file still holds it. Rejects likewise. */
  confirm(times: StoredTimes): Promise<void>;
  /**
   * Returns what is stored; `undefined` when there is nothing, or nothing that makes sense. Rejects when it cannot be
   * read or the folder is not safe.
   */
  read(): Promise<StoredDocument | undefined>;
  /** The same without the body. */
  readTimes(): Promise<StoredTimes | undefined>;
}

/** How a file is kept. */
export interface DocumentFileOptions {
  readonly format?: BodyFormat;
  /** A file with a larger body is not read. */
  readonly maxBytes?: number;
}

/** 1000 keys of the longest kind that is accepted have less. */
const MAX_BODY_BYTES = 8 * 1024 * 1024;
/** The first line: the times, and whose document it is. Its source is a URL and a few settings. */
const MAX_HEADER_BYTES = 16_384;
/** So that any three times take the same space. */
const HEADER_ROOM = 96;
const LINE_FEED = 0x0a;

/**
 * Returns the file of one source in `directory`: a line with its times, then the body. Whoever can write there can decide
 * whose tokens are believed: the directory is made for the owner only, and one that others own, may write or may exchange
 * is not used. Everything happens in the folder that was opened and checked, whatever becomes of its path meanwhile.
 *
 * @param source - everything that decides which document this is; its digest is the name
 */
export function documentFile(
  directory: string,
  source: string,
  { format = 'json', maxBytes: maxBodyBytes = MAX_BODY_BYTES }: DocumentFileOptions = {},
): DocumentFile {
  const maxBytes = maxBodyBytes + MAX_HEADER_BYTES;
  const name = `${createHash('sha256').update(source).digest('hex')}.json`;
  /** Names what this process wrote, so that it confirms nothing else. */
  let id: string | undefined;
  const noTimes = { id: randomUUID(), fetchedAtMs: 0, lifetimeSeconds: 0, issuedAtSeconds: 0 };
  const headBytes = headLine(source, noTimes, 0).length + HEADER_ROOM;
  const newDraft = (): FileDraft => new FileDraft(directory, name, headBytes);
  const keep = async (draft: FileDraft, times: StoredTimes): Promise<void> => {
    id = randomUUID();
    await draft.replace(headLine(source, { ...times, id }, headBytes), async (folder) => {
      const there = await readRegularFile(folder.at(name), MAX_HEADER_BYTES, maxBytes).catch(() => undefined);
      const newest = there && headerOf(there, source)?.issuedAtSeconds;
      // Another process may have been answered by a server that is ahead of the one that answered this one.
      return newest === undefined || newest <= (times.issuedAtSeconds ?? Infinity);
    });
  };
  const ifThere = async <T>(use: (folder: TrustedFolder) => Promise<T>): Promise<T | undefined> => {
    try {
      return await inFolder(directory, use, false);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  };
  return {
    write: async ({ body, ...times }) => {
      const next = newDraft();
      const chunks = format === 'json' ? [Buffer.from(JSON.stringify(body))] : (body as readonly Uint8Array[]);
      for (const chunk of chunks) await next.append(chunk);
      await keep(next, times);
    },
    draft: () => {
      const next = newDraft();
      return {
        async *copied(pieces) {
          for await (const piece of pieces) {
            await next.append(piece);
            yield piece;
          }
        },
        keep: (times) => keep(next, times),
        discard: () => next.discard(),
      };
    },
    confirm: async (times) => {
      await ifThere(async (folder) => {
        const file = await open(folder.at(name), constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK);
        try {
          const head = await readHead(file, MAX_HEADER_BYTES);
          if (id === undefined || headerOf(head, source)?.id !== id) return;
          // In place, of the same length and within a page: a reader meanwhile gets the one or the other.
          await file.write(headLine(source, { ...times, id }, headBytes), 0, headBytes, 0);
        } finally {
          await file.close();
        }
      });
    },
    read: async () => {
      const bytes = await ifThere((folder) => readRegularFile(folder.at(name), maxBytes, maxBytes));
      const header = bytes && headerOf(bytes, source);
      if (bytes === undefined || header === undefined) return undefined;
      const body = bytes.subarray(bytes.indexOf(LINE_FEED) + 1);
      if (format === 'chunks') return { ...header, body: [body] };
      const json = jsonOf(body);
      return json === undefined ? undefined : { ...header, body: json };
    },
    readTimes: async () => {
      const head = await ifThere((folder) => readRegularFile(folder.at(name), MAX_HEADER_BYTES, maxBytes));
      return head && headerOf(head, source);
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

/** Returns the first bytes of a file. Links, pipes and devices are not followed, opened or waited for. */
async function readRegularFile(path: string, bytes: number, maxBytes: number): Promise<Buffer> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const status = await file.stat();
    if (mayOthersWrite(status)) throw new UntrustedPathError('others may write to the file');
    if (!status.isFile() || status.size > maxBytes) return Buffer.alloc(0);
    return await readHead(file, Math.min(status.size, bytes));
  } finally {
    await file.close();
  }
}

async function readHead(file: FileHandle, bytes: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(bytes), 0, bytes, 0);
  return buffer.subarray(0, bytesRead);
}

/** Returns the first line, filled up with spaces to so many bytes. */
function headLine(source: string, times: StoredTimes & { readonly id: string }, bytes: number): Buffer {
  const header = Buffer.from(JSON.stringify({ source, ...times }));
  return Buffer.concat([header, Buffer.alloc(Math.max(0, bytes - header.length - 1), ' '), Buffer.from('\n')]);
}

/** Returns what the first line says; `undefined` when it is not of that source, or makes no sense. */
function headerOf(bytes: Buffer, source: string): (StoredTimes & { readonly id: unknown }) | undefined {
  const end = bytes.indexOf(LINE_FEED);
  const header = end < 0 || end > MAX_HEADER_BYTES ? undefined : jsonOf(bytes.subarray(0, end));
  if (typeof header !== 'object' || header === null) return undefined;
  const stored = header as StoredTimes & { readonly source: unknown; readonly id: unknown };
  const { fetchedAtMs, lifetimeSeconds, issuedAtSeconds, id } = stored;
  const isWhole = stored.source === source && [fetchedAtMs, lifetimeSeconds, issuedAtSeconds ?? 0].every(isTime);
  return isWhole ? { fetchedAtMs, lifetimeSeconds, issuedAtSeconds, id } : undefined;
}

function jsonOf(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}

function isTime(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
