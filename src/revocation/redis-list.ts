import { setTimeout as wait } from 'node:timers/promises';
import type { RevocationListConfig } from '../../schema/config';
import { backOffMs } from '../documents/back-off';
import { DocumentReport } from '../documents/document-report';
import { FetchError } from '../documents/fetch-error';
import { revocationListChannel } from '../telemetry/channels';
import { listSubject, type ListDependencies } from './document-list';
import type { ListSource } from './list-source';
import { connectToRedis, redisName, type RedisConnection } from './redis-connection';
import { awaitPage, compareIds, FIRST_ID, readPage, streamState, type StreamChange } from './redis-stream';
import type { RevocationEntry } from './revocation-entry';
import { RevocationTable } from './revocation-table';

/** How long Redis may hold an answer back when there is nothing new, in milliseconds. */
const BLOCK_MS = 1_000;
/** A replica whose last answer is older than this, and the time that an answer may take, is not fresh. */
const FRESH_MS = 2 * BLOCK_MS;
/** The first pause after a failure, in milliseconds. */
const PAUSE_MS = 500;
/** A replica that nobody asked for so long lets go of Redis, in milliseconds; the next use follows again. */
const UNUSED_MS = 60 * 60 * 1_000;

/** The client of a {@link RedisList}, for specs that put faults between. */
export type Connect = typeof connectToRedis;

/**
 * A copy of a list in Redis or Valkey: a stream whose records add entries and take them back. It is read as a whole at
 * the start and followed from then on, so no request asks Redis. What is known stays until its end or until a record
 * takes it back: a stream that was emptied, replaced or set back to an older state ends no revocation.
 *
 * The copy is used as long as Redis answers, and `max_stale` more while Redis is known to fail. A stream that does not
 * exist is a failure: nobody can tell an empty list from one that was lost.
 */
export class RedisList implements ListSource {
  readonly #table: RevocationTable;
  readonly #report: DocumentReport;
  readonly name: string;
  /** By `now` of the dependencies, as are all times here. */
  #readAt = -Infinity;
  #readAtMs: number | undefined;
  #usedAt = -Infinity;
  #retryAt = -Infinity;
  #failures = 0;
  #failure: FetchError | undefined;
  #lastId = FIRST_ID;
  /** The newest record that was read. When it is read again, what came after it may be lost. */
  #newestId = FIRST_ID;
  /** How many records the stream had ever got when it was read up to there. */
  #added = 0;
  #isFollowing = false;
  #connection: RedisConnection | undefined;
  /** Told after each attempt, however it ended. */
  #waiting: (() => void)[] = [];

  constructor(
    private readonly config: RevocationListConfig & { readonly redis: NonNullable<RevocationListConfig['redis']> },
    private readonly dependencies: ListDependencies,
    private readonly connect: Connect = connectToRedis,
  ) {
    const { wallClock, log } = dependencies;
    this.name = redisName(config.redis);
    this.#table = new RevocationTable(config.maxEntries);
    const subject = listSubject(this.name, config.allowUnavailable);
    this.#report = new DocumentReport(subject, wallClock, log, (state, readAtMs = 0) => {
      if (revocationListChannel.hasSubscribers) revocationListChannel.publish({ list: this.name, state, readAtMs });
    });
  }

  current(): RevocationTable | undefined {
    const now = this.dependencies.now();
    this.#usedAt = now;
    if (!this.#isFollowing) void this.#follow();
    const age = now - this.#readAt;
    const { maxStale, redis } = this.config;
    if (age < FRESH_MS + redis.timeout) this.#report.state('fresh', this.#readAtMs);
    else if (this.#failures > 0 && age < maxStale * 1000) this.#report.state('stale', this.#readAtMs);
    else return undefined;
    return this.#table;
  }

  async load(): Promise<RevocationTable | undefined> {
    const usable = this.current();
    if (usable !== undefined) return usable;
    // During the pause after a failure there is nothing to wait for.
    if (this.dependencies.now() >= this.#retryAt) await this.#attempt();
    const table = this.current();
    if (table === undefined) this.#report.state('unavailable', this.#readAtMs);
    return table;
  }

  get retryAfterSeconds(): number {
    return Math.max(1, Math.ceil((this.#retryAt - this.dependencies.now()) / 1000));
  }

  get failure(): FetchError | undefined {
    return this.#failure;
  }

  /** Reads the whole stream anew. What is known stays. Never rejects. */
  async renew(): Promise<void> {
    if (!this.#isFollowing) return;
    this.#lastId = FIRST_ID;
    // Whoever waits for Redis is told at once.
    this.#connection?.close();
    await this.#attempt();
  }

  /** Lets go of Redis now; the next use follows again. */
  close(): void {
    this.#usedAt = -Infinity;
    this.#connection?.close();
  }

  /** Resolves with the end of the next attempt, or when its time is up. */
  #attempt(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.config.redis.timeout);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  #announce(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const tell of waiting) tell();
  }

  /** Follows the stream until nobody asks any more. Never rejects. */
  async #follow(): Promise<void> {
    this.#isFollowing = true;
    const { now, random } = this.dependencies;
    while (now() - this.#usedAt < UNUSED_MS) {
      try {
        this.#connection = await this.connect(this.config.redis);
        await this.#readOn(this.#connection);
      } catch (error) {
        this.#failures += 1;
        this.#failure = error instanceof FetchError ? error : undefined;
        const pauseMs = backOffMs(this.#failures, PAUSE_MS, random);
        this.#retryAt = now() + pauseMs;
        this.#report.failed(error, this.#failures, pauseMs);
        this.#announce();
        await wait(pauseMs, undefined, { ref: false });
      } finally {
        this.#connection?.close();
        this.#connection = undefined;
      }
    }
    this.#isFollowing = false;
  }

  async #readOn(connection: RedisConnection): Promise<void> {
    const { redis } = this.config;
    let isBehind = true;
    while (this.dependencies.now() - this.#usedAt < UNUSED_MS) {
      if (isBehind) await this.#catchUp(connection);
      this.#confirm();
      const page = await awaitPage(connection, redis.key, this.#lastId, BLOCK_MS);
      this.#apply(page);
      this.#added += page.length;
      // Nothing new, or nothing there any more: only the state of the stream tells.
      isBehind = page.length === 0;
    }
  }

  /** Reads what is new. Says so when the stream is another than before, or when something was missed. */
  async #catchUp(connection: RedisConnection): Promise<void> {
    const { key } = this.config.redis;
    const { lastId, added } = await streamState(connection, key);
    if (compareIds(lastId, this.#lastId) < 0 || added < this.#added) {
      this.dependencies.log('warn', 'the stream is not the one from before: it is read anew, what is known stays', {
        list: this.name,
      });
      this.#lastId = FIRST_ID;
    }
    const missed = this.#lastId === FIRST_ID ? 0 : added - this.#added;
    const undone = await this.#undoneSubjects(connection);
    // Records that came since are behind the last one.
    let [read, newer] = [0, 0];
    for (;;) {
      const page = await readPage(connection, key, this.#lastId);
      const last = page.at(-1);
      if (last === undefined) break;
      this.#apply(page, undone);
      const hasNewer = compareIds(last.id, lastId) > 0;
      const behind = hasNewer ? page.filter(({ id }) => compareIds(id, lastId) > 0).length : 0;
      [read, newer] = [read + page.length - behind, newer + behind];
    }
    if (read < missed) {
      const fields = { list: this.name, records: missed - read };
      this.dependencies.log('warn', 'records of the stream were removed before they were read', fields);
    }
    this.#added = added + newer;
    // Removed records count as read.
    if (compareIds(lastId, this.#lastId) > 0) this.#lastId = lastId;
    this.#newestId = this.#lastId;
  }

  /** Returns which subjects the records that are read again take back, and the last record that does. */
  async #undoneSubjects(connection: RedisConnection): Promise<Map<string, string>> {
    const undone = new Map<string, string>();
    for (let after = this.#lastId; compareIds(after, this.#newestId) < 0;) {
      const page = await readPage(connection, this.config.redis.key, after);
      for (const { id, change } of page) if (change?.kind === 'undo') undone.set(subjectOf(change.entry), id);
      after = page.at(-1)?.id ?? this.#newestId;
    }
    return undone;
  }

  /** A record that is read again takes nothing back: the entry may have been added once more by one that is lost. */
  #apply(page: readonly StreamChange[], undone?: ReadonlyMap<string, string>): void {
    const nowSeconds = this.dependencies.wallClock() / 1000;
    let isNew = false; // Records are in the order of their ids: after the first new one all are new.
    for (const { id, change, problem } of page) {
      if (problem !== undefined) {
        this.dependencies.log('error', 'a record of the stream is not used', { list: this.name, id, reason: problem });
      }
      isNew ||= compareIds(id, this.#newestId) > 0;
      if (change?.kind === 'add') {
        const undoneBy = isNew ? undefined : undone?.get(subjectOf(change.entry));
        if (undoneBy === undefined || compareIds(undoneBy, id) < 0) this.#table.add(change.entry, nowSeconds);
      } else if (change !== undefined && isNew) this.#table.remove(change.entry);
      // After the entry is there: one that does not fit in must be tried again.
      this.#lastId = id;
      if (isNew) this.#newestId = id;
    }
  }

  #confirm(): void {
    const { now, wallClock } = this.dependencies;
    this.#readAt = now();
    this.#readAtMs = wallClock();
    if (this.#failures > 0) this.#report.recovered(this.#failures);
    this.#failures = 0;
    this.#failure = undefined;
    this.#retryAt = -Infinity;
    if (revocationListChannel.hasSubscribers) {
      const entries = this.#table.size;
      revocationListChannel.publish({ list: this.name, readAtMs: this.#readAtMs, entries });
    }
    this.#announce();
  }
}

function subjectOf({ issuer, kind, name }: RevocationEntry): string {
  return JSON.stringify([issuer, kind, name]);
}
