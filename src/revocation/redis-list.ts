import { setTimeout as wait } from 'node:timers/promises';
import type { RevocationListConfig } from '../../schema/config';
import { backOffMs } from '../documents/back-off';
import { documentFile } from '../documents/document-file';
import { DocumentReport } from '../documents/document-report';
import { FetchError } from '../documents/fetch-error';
import { revocationListChannel } from '../telemetry/channels';
import { listSubject, type ListDependencies } from './document-list';
import type { ListSource } from './list-source';
import { connectToRedis, redisName, type RedisConnection } from './redis-connection';
import { RevocationTable } from './revocation-table';
import { StreamCopy } from './stream-copy';
import { StreamMark } from './stream-mark';
import { StreamReplica } from './stream-replica';

/** How long Redis may hold an answer back when there is nothing new, in milliseconds. */
const BLOCK_MS = 1_000;
/** A replica whose last answer is older than this, and the time that an answer may take, is not fresh. */
const FRESH_MS = 2 * BLOCK_MS;
/** The first pause after a failure, in milliseconds. */
const PAUSE_MS = 500;
/** A replica that nobody asked for so long lets go of Redis, in milliseconds; the next use follows again. */
const UNUSED_MS = 60 * 60 * 1_000;

/** How long a copy on disk may take to be read, in milliseconds: a disk that hangs must not keep Redis from being asked. */
const RESTORE_MS = 10_000;
/** How long a request waits for that after Redis has failed, in milliseconds. With `timeout` below `serve --deadline`. */
const RESTORE_WAIT_MS = 900;

/** The client of a {@link RedisList}, for specs that put faults between. */
export type Connect = typeof connectToRedis;

/**
 * A copy of a list in Redis or Valkey: a stream whose records add entries and take them back. It is read as a whole at
 * the start and followed from then on, so no request asks Redis. A {@link StreamReplica} forgets nothing by itself; with
 * `cache_directory`, a process that starts does not take an older state for the list either ({@link StreamMark}), and goes
 * on from the entries on disk when Redis fails ({@link StreamCopy}).
 *
 * The copy is used as long as Redis answers, and `max_stale` more while Redis is known to fail. A stream that does not
 * exist is a failure: nobody can tell an empty list from one that was lost.
 */
export class RedisList implements ListSource {
  readonly #replica: StreamReplica;
  readonly #copy: StreamCopy;
  readonly #report: DocumentReport;
  readonly name: string;
  /** By `now` of the dependencies, as are all times here. */
  #readAt = -Infinity;
  #readAtMs: number | undefined;
  #usedAt = -Infinity;
  #retryAt = -Infinity;
  #failures = 0;
  #failure: FetchError | undefined;
  #isFollowing = false;
  /** Nothing was read yet, from Redis or from the disk. */
  #mayRestore: boolean;
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
    const subject = listSubject(this.name, config.allowUnavailable);
    this.#report = new DocumentReport(subject, wallClock, log, (state, readAtMs = 0) => {
      if (revocationListChannel.hasSubscribers) revocationListChannel.publish({ list: this.name, state, readAtMs });
    });
    const { cacheDirectory } = config.listFetch;
    const file = cacheDirectory === null ? undefined : documentFile(cacheDirectory, this.name);
    const table = new RevocationTable(config.maxEntries);
    const mark = new StreamMark(file, dependencies, this.#report);
    this.#copy = new StreamCopy(config, dependencies, this.#report);
    this.#mayRestore = this.#copy.isKept;
    this.#replica = new StreamReplica(this.name, config.redis.key, table, mark, dependencies);
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
    return this.#replica.table;
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
    this.#replica.rewind();
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
      const { timeout } = this.config.redis;
      const timer = setTimeout(resolve, this.#mayRestore ? timeout + RESTORE_WAIT_MS : timeout);
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
        if (this.#mayRestore) await this.#restore();
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
    let isBehind = true;
    while (this.dependencies.now() - this.#usedAt < UNUSED_MS) {
      if (isBehind) await this.#replica.catchUp(connection);
      this.#confirm();
      void this.#copy.keep(this.#replica.state, this.#replica.table);
      isBehind = !(await this.#replica.follow(connection, BLOCK_MS));
    }
  }

  /** Redis failed before anything was read: what an earlier process has read may still be good. Never rejects. */
  async #restore(): Promise<void> {
    this.#mayRestore = false;
    const { now, wallClock } = this.dependencies;
    const [beganAt, beganAtMs] = [now(), wallClock()];
    const kept = await Promise.race([this.#copy.restore(), wait(RESTORE_MS, undefined, { ref: false })]);
    if (kept === undefined) return;
    const ageMs = Math.max(0, beganAtMs - kept.readAtMs);
    this.#replica.restore(kept);
    this.#readAt = beganAt - ageMs;
    this.#readAtMs = kept.readAtMs;
    this.#report.restored(ageMs);
    this.#publish();
  }

  #confirm(): void {
    const { now, wallClock } = this.dependencies;
    this.#mayRestore = false;
    this.#readAt = now();
    this.#readAtMs = wallClock();
    if (this.#failures > 0) this.#report.recovered(this.#failures);
    this.#failures = 0;
    this.#failure = undefined;
    this.#retryAt = -Infinity;
    this.#publish();
    this.#announce();
  }

  #publish(): void {
    if (!revocationListChannel.hasSubscribers) return;
    const [entries, readAtMs = 0] = [this.#replica.table.size, this.#readAtMs];
    revocationListChannel.publish({ list: this.name, readAtMs, entries });
  }
}
