import type { DocumentFile, StoredDocument } from '../documents/document-file';
import type { DocumentReport } from '../documents/document-report';
import type { Clock } from '../documents/elapsed-clock';
import { FetchError } from '../documents/fetch-error';
import { isOlderState, readState, secondsOf, type StreamState } from './redis-stream';

/** How often it is written while the stream changes, in milliseconds. */
const NOTE_EVERY_MS = 1000;
const OLDER =
  'the stream is older than when it was last read: revocations may be lost. ' +
  'Write them again, or delete the files in cache_directory to go on without them';

/**
 * How far a stream was read, on disk: without it, a process that starts cannot tell an older state of Redis from a whole
 * list. It holds no entries. All processes of a machine share it.
 */
export class StreamMark {
  /** The most that this process has read, and when it was written. */
  #noted: StreamState = { lastId: '0-0', added: 0 };
  #notedAt = -Infinity;

  /** @param file - `undefined`: nothing is kept, so nothing is noticed */
  constructor(
    private readonly file: DocumentFile | undefined,
    private readonly clocks: { readonly now: Clock; readonly wallClock: Clock },
    private readonly report: DocumentReport,
  ) {}

  /**
   * Makes sure that no process has read more of the stream than there is now. A file that cannot be read is said in the
   * log, and does not stop anything.
   *
   * @throws FetchError when the stream was emptied or set back
   */
  async check(state: StreamState): Promise<void> {
    let stored: StoredDocument | undefined;
    try {
      stored = await this.file?.read();
    } catch (error) {
      this.report.diskFailed('read from', error);
    }
    const before = readState(stored?.body);
    if (before !== undefined && isOlderState(state, before)) throw new FetchError(OLDER);
  }

  /**
   * Notes how far the stream was read; returns at once. A state that is older than one that this process has seen is not
   * noted: whether to go on from there is not for a running process to decide.
   */
  note(state: StreamState): void {
    const { now, wallClock } = this.clocks;
    const isNew = state.lastId !== this.#noted.lastId || state.added !== this.#noted.added;
    if (this.file === undefined || !isNew || isOlderState(state, this.#noted)) return;
    if (now() < this.#notedAt + NOTE_EVERY_MS) return;
    this.#noted = state;
    this.#notedAt = now();
    const times = { fetchedAtMs: wallClock(), lifetimeSeconds: 0, issuedAtSeconds: secondsOf(state.lastId) };
    this.file.write({ ...times, body: state }).catch((error: unknown) => {
      this.report.diskFailed('written to', error);
    });
  }
}
