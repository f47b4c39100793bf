import type { ListDependencies } from './document-list';
import type { RedisConnection } from './redis-connection';
import {
  awaitPage,
  compareIds,
  FIRST_ID,
  isOlderState,
  readPages,
  streamState,
  type StreamChange,
  type StreamState,
} from './redis-stream';
import type { RevocationEntry } from './revocation-entry';
import type { RevocationTable } from './revocation-table';
import type { KeptStream } from './stream-copy';
import type { StreamMark } from './stream-mark';

/**
 * The entries of a stream in Redis, in memory, and how far it was read. What is known stays until its end or until a
 * record takes it back: a stream that was emptied, replaced or set back to an older state ends no revocation.
 */
export class StreamReplica {
  #lastId = FIRST_ID;
  /** The newest record that was read. When it is read again, what came after it may be lost. */
  #newestId = FIRST_ID;
  /** How many records the stream had ever got when it was read up to there. */
  #added = 0;
  /** Nothing of the stream is missing in the table. */
  #isWhole = false;
  #isRewindDue = false;
  #table: RevocationTable;

  /** @param list - what the log calls it */
  constructor(
    private readonly list: string,
    private readonly key: string,
    table: RevocationTable,
    private readonly mark: StreamMark,
    private readonly dependencies: Pick<ListDependencies, 'wallClock' | 'log'>,
  ) {
    this.#table = table;
  }

  get table(): RevocationTable {
    return this.#table;
  }

  /** How far the stream was read. */
  get state(): StreamState {
    return { lastId: this.#lastId, added: this.#added };
  }

  /**
   * Goes on from what an earlier process has read. Nothing of the stream was read as a whole by this one: the next
   * {@link catchUp} still refuses a stream that is older than what any process has read.
   */
  restore({ table, state }: KeptStream): void {
    this.#table = table;
    this.#lastId = state.lastId;
    this.#newestId = state.lastId;
    this.#added = state.added;
  }

  /** Makes the next {@link catchUp} read the whole stream. What is known stays. */
  rewind(): void {
    this.#isRewindDue = true;
  }

  /**
   * Reads what is new. Says so when the stream is another than before, or when something was missed.
   *
   * @throws FetchError also when nothing was read yet, and the stream is older than what an earlier process has read
   */
  async catchUp(connection: RedisConnection): Promise<void> {
    const { lastId, added } = await streamState(connection, this.key);
    if (!this.#isWhole) await this.mark.check({ lastId, added });
    if (isOlderState({ lastId, added }, this.state)) {
      this.#log('warn', 'the stream was replaced: it is read from the start, and known entries stay in force');
      this.rewind();
    }
    if (this.#isRewindDue) this.#lastId = FIRST_ID;
    this.#isRewindDue = false;
    const missed = this.#lastId === FIRST_ID ? 0 : added - this.#added;
    const undone = await this.#undoneSubjects(connection);
    // Records that came since are behind the last one.
    let [read, newer] = [0, 0];
    for await (const page of readPages(connection, this.key, this.#lastId)) {
      const changes = page.changes();
      this.#apply(changes, undone);
      const hasNewer = compareIds(this.#lastId, lastId) > 0;
      const behind = hasNewer ? changes.filter(({ id }) => compareIds(id, lastId) > 0).length : 0;
      [read, newer] = [read + page.length - behind, newer + behind];
    }
    if (read < missed) {
      this.#log('warn', 'records of the stream were removed before they were read', { records: missed - read });
    }
    this.#added = added + newer;
    // Removed records count as read.
    if (compareIds(lastId, this.#lastId) > 0) this.#lastId = lastId;
    this.#newestId = this.#lastId;
    this.#isWhole = true;
    this.mark.note(this.state);
  }

  /**
   * Waits for records that are new, for so many milliseconds, and reads them. Returns whether there were any; when there
   * were none, only {@link catchUp} tells whether the stream is still the same.
   */
  async follow(connection: RedisConnection, blockMs: number): Promise<boolean> {
    const page = await awaitPage(connection, this.key, this.#lastId, blockMs);
    this.#apply(page.changes());
    this.#added += page.length;
    this.mark.note(this.state);
    return page.length > 0;
  }

  /** Returns which subjects the records that are read again take back, and the last record that does. */
  async #undoneSubjects(connection: RedisConnection): Promise<Map<string, string>> {
    const undone = new Map<string, string>();
    if (compareIds(this.#lastId, this.#newestId) >= 0) return undone;
    for await (const page of readPages(connection, this.key, this.#lastId)) {
      for (const { id, change } of page.changes()) {
        if (change?.kind === 'undo') undone.set(subjectOf(change.entry), id);
      }
      if (compareIds(page.lastId ?? this.#newestId, this.#newestId) >= 0) break;
    }
    return undone;
  }

  /** A record that is read again takes nothing back: the entry may have been added once more by one that is lost. */
  #apply(changes: readonly StreamChange[], undone?: ReadonlyMap<string, string>): void {
    const nowSeconds = this.dependencies.wallClock() / 1000;
    let isNew = false; // Records are in the order of their ids: after the first new one all are new.
    for (const { id, change, problem } of changes) {
      if (problem !== undefined) this.#log('error', 'a record of the stream is not used', { id, reason: problem });
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

  #log(level: 'warn' | 'error', message: string, fields: object = {}): void {
    this.dependencies.log(level, message, { list: this.list, ...fields });
  }
}

function subjectOf({ issuer, kind, name }: RevocationEntry): string {
  return JSON.stringify([issuer, kind, name]);
}
