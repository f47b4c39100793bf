import type { RedisConfig } from '../../schema/config';
import { FetchError } from '../documents/fetch-error';
import { changeListFile, readListFile, withEntry } from './list-file';
import { connectToRedis, redisName, type RedisConnection } from './redis-connection';
import { appendChange, createStream, FIRST_ID, readPages, trimEnded } from './redis-stream';
import { isSameSubject, mergedEntry, type RevocationEntry } from './revocation-entry';
import { EXTRA_SECONDS } from './revocation-table';

/** A list that can be changed. Every method rejects with what went wrong; the list is as it was then. */
export interface ListStore {
  /** Where it is, for people; without a password. */
  readonly name: string;
  /** How long until every gateway that reads the list knows of a change, for people. */
  readonly delay: string;
  /** Makes an empty list. Returns whether there was none. */
  init(nowSeconds: number): Promise<boolean>;
  /** Adds an entry. With one about the same subject it counts as one, with the later times. */
  add(entry: RevocationEntry, nowSeconds: number): Promise<void>;
  /** Takes back the entry about the same subject. Returns whether there was one. */
  undo(subject: RevocationEntry, nowSeconds: number): Promise<boolean>;
  /** Returns the entry in force about the same subject, if there is one. Reads the whole list. */
  find(subject: RevocationEntry, nowSeconds: number): Promise<RevocationEntry | undefined>;
  /** Returns what the list says now, without entries that have ended. */
  entries(nowSeconds: number): Promise<readonly RevocationEntry[]>;
}

/** The list in a file, which is made by the first entry. */
export function fileStore(path: string): ListStore {
  const entries = async (now: number): Promise<readonly RevocationEntry[]> =>
    (await readListFile(path)).entries.filter((entry) => !isOver(entry, now));
  return {
    name: path,
    delay: 'a second',
    init: async (now) => {
      try {
        await readListFile(path);
        return false;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
        await changeListFile(path, (entries) => entries, now);
        return true;
      }
    },
    add: (entry, now) => changeListFile(path, (entries) => withEntry(entries, entry), now),
    undo: async (subject, now) => {
      let wasThere = false;
      await changeListFile(
        path,
        (entries) => {
          const others = entries.filter((entry) => !isSameSubject(entry, subject));
          wasThere = others.length < entries.length;
          return others;
        },
        now,
      );
      return wasThere;
    },
    find: async (subject, now) => (await entries(now)).find((entry) => isSameSubject(entry, subject)),
    entries,
  };
}

/** Between two looks for records that have ended, in milliseconds. */
const TRIM_EVERY_MS = 60_000;

/** The list in Redis or Valkey. Each call has a connection of its own. */
export function redisStore(config: RedisConfig): ListStore {
  let trimmedAt = -Infinity;
  const connected = async <T>(use: (connection: RedisConnection) => Promise<T>): Promise<T> => {
    const connection = await connectToRedis(config);
    try {
      return await use(connection);
    } finally {
      connection.close();
    }
  };
  const entries = async (connection: RedisConnection, now: number): Promise<RevocationEntry[]> => {
    // By subject; a Map, so that no name means anything special.
    const found = new Map<string, RevocationEntry>();
    for await (const page of readPages(connection, config.key, FIRST_ID)) {
      for (const { change } of page.changes()) {
        if (change === undefined) continue;
        const { kind, entry } = change;
        const subject = JSON.stringify([entry.issuer, entry.kind, entry.name]);
        const before = found.get(subject);
        if (kind === 'undo') found.delete(subject);
        else if (!isOver(entry, now)) found.set(subject, before === undefined ? entry : mergedEntry(before, entry));
      }
    }
    return [...found.values()];
  };
  const find = async (
    connection: RedisConnection,
    subject: RevocationEntry,
    now: number,
  ): Promise<RevocationEntry | undefined> =>
    (await entries(connection, now)).find((entry) => isSameSubject(entry, subject));
  return {
    name: redisName(config),
    delay: 'a second',
    init: () => connected((connection) => createStream(connection, config.key)),
    add: (entry, now) =>
      connected(async (connection) => {
        await appendChange(connection, config.key, 'add', entry);
        if (performance.now() - trimmedAt < TRIM_EVERY_MS) return;
        trimmedAt = performance.now();
        await trimEnded(connection, config.key, (exp) => exp + EXTRA_SECONDS <= now);
      }),
    undo: (subject, now) =>
      connected(async (connection) => {
        const found = await find(connection, subject, now);
        if (found === undefined) return false;
        await appendChange(connection, config.key, 'undo', found);
        return true;
      }),
    find: (subject, now) => connected((connection) => find(connection, subject, now)),
    entries: (now) => connected((connection) => entries(connection, now)),
  };
}

/** Environment variable with the password for Redis: what is on a command line, others can read. */
export const REDIS_PASSWORD_VARIABLE = 'JWT_IDENTITY_REDIS_PASSWORD';

/**
 * Returns where a URL leads: `redis[s]://[user@]host[:port][/database]`.
 *
 * @throws FetchError for another URL, or one with a password in it
 */
export function redisAt(text: string, key: string, caFile: string | null, password: string | undefined): RedisConfig {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || !/^\/?\d*$/.test(url.pathname)) {
    throw new FetchError('the address must be redis[s]://[user@]host[:port][/database]');
  }
  if (url.password !== '') throw new FetchError(`the password belongs into ${REDIS_PASSWORD_VARIABLE}`);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? 6379 : Number(url.port),
    database: Number(url.pathname.slice(1)),
    username: url.username === '' ? null : decodeURIComponent(url.username),
    password: password ?? null,
    key,
    timeout: 5000,
    ssl: url.protocol === 'rediss:',
    serverName: null,
    caFile,
    allowPlaintext: false,
  };
}

function isOver({ exp }: RevocationEntry, nowSeconds: number): boolean {
  return exp + EXTRA_SECONDS <= nowSeconds;
}
