import { setImmediate, setTimeout as wait } from 'node:timers/promises';
import { FetchError } from '../documents/fetch-error';
import type { RedisConnection, RedisReply } from './redis-connection';
import { readEntryText, writeEntry, type RevocationEntry } from './revocation-entry';

/** Says that an entry was added or taken back, in the order of the stream. */
export interface StreamChange {
  readonly id: string;
  /** `undefined` for a record that holds neither, such as the one that made the stream. */
  readonly change: { readonly kind: 'add' | 'undo'; readonly entry: RevocationEntry } | undefined;
  /** Why the record cannot be read, if it cannot. */
  readonly problem?: string;
}

/** Some records of a stream, in their order. */
export interface StreamPage {
  /** How many records these are; 0: there are no more. */
  readonly length: number;
  /** The id of the last one, as Redis sent it; `undefined` when there is none. */
  readonly lastId: string | undefined;
  /** Reads the records. That takes longer than to get them, so it is done when they are needed. */
  changes(): readonly StreamChange[];
}

/** What Redis knows about a stream. */
export interface StreamState {
  /** The id of the last record that was ever added. */
  readonly lastId: string;
  /** How many records were ever added, those that are gone included. */
  readonly added: number;
}

const NO_STREAM = 'there is no such stream: kong-jwt-identity revoke --init creates it';
const NOT_RECORDS = 'Redis answered something else than records of a stream';
const RECORD_ID = /^\d+-\d+$/;
/** Before every record. */
export const FIRST_ID = '0-0';
/** Records that are read at once. */
const PAGE = 1000;
/** A record's text is an entry, which is short. */
const MAX_RECORD_LENGTH = 16_384;

/**
 * Returns the state of a stream.
 *
 * @throws FetchError when there is none: it was never made, or somebody emptied the server
 */
export async function streamState(connection: RedisConnection, key: string): Promise<StreamState> {
  const reply = await connection.send(['XINFO', 'STREAM', key]).catch((error: unknown) => {
    throw (error as Error).message.endsWith('no such key') ? new FetchError(NO_STREAM) : error;
  });
  const fields = listOf(reply);
  const fieldOf = (name: string): RedisReply | undefined => fields[fields.indexOf(name) + 1];
  const [lastId, added] = [fieldOf('last-generated-id'), fieldOf('entries-added')];
  if (typeof lastId !== 'string' || !RECORD_ID.test(lastId) || typeof added !== 'number') {
    throw new FetchError('the server does not count the records of a stream: it is older than Redis 7 or Valkey 7.2');
  }
  return { lastId, added };
}

/**
 * Returns the records after `afterId`, some at a time; an empty page when there are no more.
 *
 * @throws FetchError for any other answer: taken for the end, it would make a list whole that is not
 */
export async function readPage(connection: RedisConnection, key: string, afterId: string): Promise<StreamPage> {
  const page = pageOf(await connection.send(['XRANGE', key, `(${afterId}`, '+', 'COUNT', `${PAGE}`]));
  // Or reading would never end.
  if (page.lastId !== undefined && !(compareIds(page.lastId, afterId) > 0)) throw new FetchError(NOT_RECORDS);
  return page;
}

/** Waits for records after `afterId`. Returns an empty page when none came in time. @throws as {@link readPage} */
export async function awaitPage(
  connection: RedisConnection,
  key: string,
  afterId: string,
  blockMs: number,
): Promise<StreamPage> {
  const command = ['XREAD', 'COUNT', `${PAGE}`, 'BLOCK', `${blockMs}`, 'STREAMS', key, afterId];
  const askedAt = performance.now();
  const reply = await connection.send(command, blockMs);
  if (reply === null) {
    // A proxy that does not hold answers back would be asked without a pause.
    await wait(Math.max(0, askedAt + blockMs - performance.now()), undefined, { ref: false });
    return pageOf([]);
  }
  const [stream = null] = listOf(reply);
  return pageOf(listOf(stream)[1] ?? null);
}

/**
 * Returns all records after `afterId`, page by page. Redis prepares a page while the one before is read, and other work
 * gets a turn between two.
 */
export async function* readPages(
  connection: RedisConnection,
  key: string,
  afterId: string,
): AsyncGenerator<StreamPage> {
  let next = readPage(connection, key, afterId);
  for (;;) {
    const page = await next;
    if (page.lastId === undefined) return;
    next = readPage(connection, key, page.lastId);
    // A reader that stops early never looks at it.
    next.catch(() => undefined);
    // The client sends its command only then.
    await setImmediate();
    yield page;
  }
}

/** Compares two ids of records, `milliseconds-sequence`. */
export function compareIds(one: string, other: string): number {
  const [oneMs = 0, oneSequence = 0] = one.split('-').map(Number);
  const [otherMs = 0, otherSequence = 0] = other.split('-').map(Number);
  return oneMs - otherMs || oneSequence - otherSequence;
}

/** Returns when a record was added, by the clock of Redis, in seconds since the epoch. */
export function secondsOf(id: string): number {
  return Number(id.split('-', 1)[0]) / 1000;
}

/** Whether records are gone that were there before: the stream was emptied, replaced or set back. */
export function isOlderState(now: StreamState, before: StreamState): boolean {
  return compareIds(now.lastId, before.lastId) < 0 || now.added < before.added;
}

/** Returns the state that a file holds; `undefined` when it holds none. */
export function readState(value: unknown): StreamState | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { lastId, added } = value as Partial<StreamState>;
  const isState = typeof lastId === 'string' && RECORD_ID.test(lastId) && typeof added === 'number';
  return isState ? { lastId, added } : undefined;
}

/** Makes the stream if there is none. Returns whether it did. */
export async function createStream(connection: RedisConnection, key: string): Promise<boolean> {
  if ((await connection.send(['EXISTS', key])) === 1) return false;
  await connection.send(['XADD', key, '*', 'init', '1']);
  return true;
}

/**
 * Adds a record to the end of the stream.
 *
 * @throws FetchError also when there is no stream: one that somebody emptied must not look as if it were whole
 */
export async function appendChange(
  connection: RedisConnection,
  key: string,
  kind: 'add' | 'undo',
  entry: RevocationEntry,
): Promise<void> {
  const text = JSON.stringify(writeEntry(entry));
  const id = await connection.send(['XADD', key, 'NOMKSTREAM', '*', kind, text]);
  if (id === null) throw new FetchError(NO_STREAM);
}

/** Removes records from the beginning of the stream that have ended, up to the first that has not. */
export async function trimEnded(
  connection: RedisConnection,
  key: string,
  hasEnded: (exp: number) => boolean,
): Promise<void> {
  let isFirst = true;
  for await (const page of readPages(connection, key, FIRST_ID)) {
    const changes = page.changes();
    const living = changes.find(({ change }) => change !== undefined && !hasEnded(change.entry.exp));
    if (living !== undefined) {
      if (living !== changes[0] || !isFirst) await connection.send(['XTRIM', key, 'MINID', living.id]);
      return;
    }
    isFirst = false;
  }
}

function pageOf(reply: RedisReply): StreamPage {
  if (!isList(reply)) throw new FetchError(NOT_RECORDS);
  const last = reply.at(-1);
  return {
    length: reply.length,
    lastId: last === undefined ? undefined : recordOf(last)[0],
    changes: () =>
      reply.map((record) => {
        const [id, [name, text]] = recordOf(record);
        return changeOf(id, name, text);
      }),
  };
}

function recordOf(reply: RedisReply): readonly [id: string, fields: readonly RedisReply[]] {
  const [id, fields = null] = listOf(reply);
  if (typeof id !== 'string' || !RECORD_ID.test(id) || !isList(fields)) throw new FetchError(NOT_RECORDS);
  return [id, fields];
}

function isList(reply: RedisReply): reply is readonly RedisReply[] {
  return Array.isArray(reply);
}

function listOf(reply: RedisReply): readonly RedisReply[] {
  return isList(reply) ? reply : [];
}

function changeOf(id: string, kind: unknown, text: unknown): StreamChange {
  if ((kind !== 'add' && kind !== 'undo') || typeof text !== 'string') return { id, change: undefined };
  try {
    if (text.length > MAX_RECORD_LENGTH) throw new FetchError('is too long');
    return { id, change: { kind, entry: readEntryText(text) } };
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    return { id, change: undefined, problem: error.message };
  }
}
