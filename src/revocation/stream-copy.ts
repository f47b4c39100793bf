import { createHash, type Hash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import type { RevocationListConfig } from '../../schema/config';
import { documentFile, type DocumentFile, type StoredTimes } from '../documents/document-file';
import type { DocumentReport } from '../documents/document-report';
import { FetchError } from '../documents/fetch-error';
import type { ListDependencies } from './document-list';
import { piecesOf, readListText } from './list-text';
import { redisName } from './redis-connection';
import { readState, secondsOf, type StreamState } from './redis-stream';
import { readEntry, writeEntry } from './revocation-entry';
import { RevocationTable } from './revocation-table';

/** A stream as it was read. */
export interface KeptStream {
  readonly table: RevocationTable;
  /** How far it was read; the table holds everything up to there. */
  readonly state: StreamState;
  /** When it was known to be read up to its end, in milliseconds since the epoch. */
  readonly readAtMs: number;
}

/** More than two million entries, as {@link RevocationListConfig} bounds other lists. */
const MAX_BYTES = 256 * 1024 * 1024;
/** About a thousandth of the time that a million entries take. */
const PIECE_CHARACTERS = 65_536;
const DIGEST_BYTES = 32;
/** How often an unchanged copy is confirmed to be whole, in milliseconds. */
const CONFIRM_EVERY_MS = 5_000;
/** The least and the most time between two copies, in milliseconds. */
const [MIN_PAUSE_MS, MAX_PAUSE_MS] = [1_000, 60_000] as const;
/** The pause after a copy is this many times as long as the copy took, so copying takes at most a fiftieth of the time. */
const PAUSE_FACTOR = 50;

/**
 * The entries of a stream on disk, and how far it was read: with them, a process that starts while Redis is down goes on
 * from what this machine knew. They are as old as the moment when the stream was last known to be read up to its end,
 * whenever they were written.
 *
 * One process of a machine writes them, about a second after a change, and less often the longer that takes. What the file
 * says about its lifetime is when it will have been written or confirmed again; past that, another process takes over.
 */
export class StreamCopy {
  readonly #file: DocumentFile | undefined;
  /** What this process wrote or confirmed last. */
  #kept: { readonly state: StreamState; readonly readAtMs: number } | undefined;
  #isBusy = false;
  /** By `now` of the clocks: nothing is written or confirmed before. */
  #writeAt = -Infinity;
  #confirmAt = -Infinity;
  #pauseMs: number = MIN_PAUSE_MS;

  constructor(
    private readonly config: RevocationListConfig,
    private readonly clocks: Pick<ListDependencies, 'now' | 'wallClock' | 'random'>,
    private readonly report: DocumentReport,
  ) {
    this.#file = copyFile(config);
  }

  /** Whether there may be something to {@link restore}. */
  get isKept(): boolean {
    return this.#file !== undefined;
  }

  /**
   * Keeps a stream that was read up to its end just now, when that is due. Do not wait for it while following the stream:
   * the disk may hang. Disk errors are logged. Never rejects.
   */
  async keep(state: StreamState, table: RevocationTable): Promise<void> {
    const isNew = !isSameState(state, this.#kept?.state);
    if (this.#file === undefined || this.#isBusy) return;
    if (this.clocks.now() < (isNew ? this.#writeAt : this.#confirmAt)) return;
    this.#isBusy = true;
    try {
      await this.#keepIn(this.#file, { state, table, readAtMs: this.clocks.wallClock() }, isNew);
    } catch (error) {
      this.report.diskFailed('written to', error);
      this.#waitFor(MAX_PAUSE_MS);
    } finally {
      this.#isBusy = false;
    }
  }

  /**
   * Returns what an earlier process kept; `undefined` when there is nothing that may be used, and the log says why. Never
   * rejects.
   */
  async restore(): Promise<KeptStream | undefined> {
    try {
      const stored = await this.#file?.read();
      if (stored === undefined) return undefined;
      const { fetchedAtMs: readAtMs, body } = stored;
      const nowMs = this.clocks.wallClock();
      // A time in the future would make it last for ever.
      if (readAtMs > nowMs) throw new FetchError('the copy is from the future: the clock was set back');
      if (nowMs - readAtMs >= this.config.maxStale * 1000) throw new FetchError('the copy is older than max_stale');
      return { ...(await readCopy(body as readonly Uint8Array[], this.config.maxEntries, nowMs / 1000)), readAtMs };
    } catch (error) {
      this.report.diskFailed('read from', error);
      return undefined;
    }
  }

  async #keepIn(file: DocumentFile, stream: KeptStream, isNew: boolean): Promise<void> {
    const { state, readAtMs } = stream;
    // A file that cannot be read, such as one that root wrote, is replaced. Writing checks the folder.
    const there = await file.readTimes().catch(() => undefined);
    const isOurs = there !== undefined && there.fetchedAtMs === this.#kept?.readAtMs;
    if (isOurs && !isNew) {
      await file.confirm(this.#timesOf(stream));
      this.#kept = { state, readAtMs };
      this.#confirmAt = this.clocks.now() + CONFIRM_EVERY_MS;
      return;
    }
    const othersMs = isOurs ? 0 : othersTimeMs(there, this.clocks.wallClock());
    if (othersMs > 0) {
      this.#waitFor(othersMs + this.clocks.random() * CONFIRM_EVERY_MS);
      return;
    }
    await this.#write(file, stream);
    this.#kept = { state, readAtMs };
  }

  async #write(file: DocumentFile, stream: KeptStream): Promise<void> {
    const draft = file.draft?.();
    if (draft === undefined) return;
    const began = this.clocks.now();
    try {
      let bytes = 0;
      for await (const { length } of draft.copied(copyPieces(stream))) {
        bytes += length;
        if (bytes > MAX_BYTES) throw new FetchError(`the list has more than ${MAX_BYTES} bytes`);
      }
    } catch (error) {
      await draft.discard();
      throw error;
    }
    const tookMs = this.clocks.now() - began;
    this.#pauseMs = Math.min(Math.max(PAUSE_FACTOR * tookMs, MIN_PAUSE_MS), MAX_PAUSE_MS);
    await draft.keep(this.#timesOf(stream));
    this.#writeAt = this.clocks.now() + this.#pauseMs;
    this.#confirmAt = this.clocks.now() + CONFIRM_EVERY_MS;
  }

  #waitFor(milliseconds: number): void {
    this.#writeAt = this.clocks.now() + milliseconds;
    this.#confirmAt = this.#writeAt;
  }

  /** The lifetime is long enough for the next copy or confirmation, also when that one has to wait and takes long. */
  #timesOf({ state, readAtMs }: KeptStream): StoredTimes {
    const lifetimeSeconds = Math.ceil((CONFIRM_EVERY_MS + 2 * this.#pauseMs) / 1000);
    return { fetchedAtMs: readAtMs, lifetimeSeconds, issuedAtSeconds: secondsOf(state.lastId) };
  }
}

/**
 * Returns where the entries are kept, if anywhere: apart from those that were read in another way, which may deserve less
 * trust.
 */
function copyFile({ redis, listFetch: { cacheDirectory }, maxStale }: RevocationListConfig): DocumentFile | undefined {
  if (redis === null || cacheDirectory === null || maxStale === 0) return undefined;
  const { ssl, serverName, caFile, username } = redis;
  const source = JSON.stringify(['entries', redisName(redis), ssl, serverName, caFile, username]);
  return documentFile(cacheDirectory, source, { format: 'chunks', maxBytes: MAX_BYTES });
}

/** Returns for how long another process takes care of the file, in milliseconds. */
function othersTimeMs(there: StoredTimes | undefined, nowMs: number): number {
  // Nobody can use one from the future: the clock was set back.
  if (there === undefined || there.fetchedAtMs > nowMs) return 0;
  return there.fetchedAtMs + there.lifetimeSeconds * 1000 - nowMs;
}

/** The list, with how far the stream was read, and a digest of that: a damaged one must not lack an entry. */
async function* copyPieces({ state, table, readAtMs }: KeptStream): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const hashed = (text: string): Uint8Array => {
    const piece = Buffer.from(text);
    hash.update(piece);
    return piece;
  };
  let text = `{"lastId":${JSON.stringify(state.lastId)},"added":${state.added},"revocations":[`;
  let separator = '';
  for (const entry of table.entries(readAtMs / 1000)) {
    text += separator + JSON.stringify(writeEntry(entry));
    separator = ',';
    if (text.length < PIECE_CHARACTERS) continue;
    yield hashed(text);
    text = '';
    await setImmediate();
  }
  yield hashed(`${text}]}`);
  yield hash.digest();
}

async function readCopy(
  [bytes = new Uint8Array()]: readonly Uint8Array[],
  maxEntries: number,
  nowSeconds: number,
): Promise<Omit<KeptStream, 'readAtMs'>> {
  const hash = createHash('sha256');
  const table = new RevocationTable(maxEntries);
  const pieces = hashedPieces(bytes.subarray(0, -DIGEST_BYTES), hash);
  const rest = await readListText(pieces, (entry) => {
    table.add(readEntry(entry), nowSeconds);
  });
  const state = readState(rest);
  if (state === undefined || !hash.digest().equals(bytes.subarray(-DIGEST_BYTES))) {
    throw new FetchError('the copy is damaged');
  }
  return { table, state };
}

async function* hashedPieces(text: Uint8Array, hash: Hash): AsyncGenerator<Uint8Array> {
  for await (const piece of piecesOf([text])) {
    hash.update(piece);
    yield piece;
  }
}

function isSameState(one: StreamState, other: StreamState | undefined): boolean {
  return one.lastId === other?.lastId && one.added === other.added;
}
