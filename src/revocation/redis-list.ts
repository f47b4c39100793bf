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

/** The client of a {@link RedisList}, for specs that put faults between. */
export type Connect = typeof connectToRedis;

/**
 * A copy of a list in Redis or Valkey: a stream whose records add entries and take them back. It is read as a whole at
 * the start and followed from then on, so no request asks Redis. A {@link StreamReplica} forgets nothing by itself; with
 * `cache_directory`, a process that starts does not take an older state for the list either ({@link StreamMark}).
 *
 * The copy is used as long as Redis answers, and `max_stale` more while Redis is known to fail. A stream that does not
 * exist is a failure: nobody can tell an empty list from one that was lost.
 */
export class RedisList implements ListSource {
  readonly #replica: StreamReplica;
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
    let isBehind = true;
    while (this.dependencies.now() - this.#usedAt < UNUSED_MS) {
      if (isBehind) await this.#replica.catchUp(connection);
      this.#confirm();
      isBehind = !(await this.#replica.follow(connection, BLOCK_MS));
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
      const entries = this.#replica.table.size;
      revocationListChannel.publish({ list: this.name, readAtMs: this.#readAtMs, entries });
    }
    this.#announce();
  }
}
