import type { Log, LogFields } from '../telemetry/log';
import { UntrustedPathError } from '../files/trusted-path';
import type { Clock } from './elapsed-clock';
import { FetchError } from './fetch-error';

/** Whether a document can be used: within its lifetime, past it because the provider fails, or not at all. */
export type DocumentState = 'fresh' | 'stale' | 'unavailable';

/** How an attempt to fetch a document ended. */
export type FetchOutcome = 'ok' | 'not_modified' | 'failed';

/** What a document is called in the log. */
export interface DocumentSubject {
  /** What the document holds, in the plural, such as `keys`. */
  readonly what: string;
  /** What happens to requests while nothing can be used, such as `requests are refused with 503`. */
  readonly whenUnavailable: string;
  /** In every record: what tells this document from others. */
  readonly fields: LogFields;
}

/**
 * Tells the log what becomes of a document: each change once, however often it is reported. Nothing of the document is
 * in it.
 */
export class DocumentReport {
  #state: DocumentState | undefined;
  #fetchedAtMs: number | undefined;

  /** @param onState - is told the state and the wall clock's time of the last fetch whenever either changes */
  constructor(
    private readonly subject: DocumentSubject,
    private readonly wallClock: Clock,
    private readonly log: Log,
    private readonly onState: (state: DocumentState, fetchedAtMs: number | undefined) => void,
  ) {}

  /** Whether the document can be used. Called on every use, so it costs two comparisons when nothing changed. */
  state(state: DocumentState, fetchedAtMs: number | undefined): void {
    if (state === this.#state && fetchedAtMs === this.#fetchedAtMs) return;
    if (state !== this.#state) this.#logState(state, fetchedAtMs);
    this.#state = state;
    this.#fetchedAtMs = fetchedAtMs;
    this.onState(state, fetchedAtMs);
  }

  /** An attempt failed. The reason is only given when it is a {@link FetchError}: others may quote the document. */
  failed(error: unknown, failures: number, pauseMs: number): void {
    this.#write('warn', `${this.subject.what} could not be fetched`, {
      reason: error instanceof FetchError ? error.message : 'an unexpected error',
      failures,
      retry_in_ms: Math.round(pauseMs),
    });
  }

  /** An attempt succeeded after so many failures. */
  recovered(failures: number): void {
    this.#write('notice', `${this.subject.what} can be fetched again`, { failures });
  }

  /** A renewal that an operator wanted succeeded. */
  renewed(fields: LogFields): void {
    this.#write('notice', `${this.subject.what} were fetched again`, fields);
  }

  /** The copy on disk is used, which is so old. */
  restored(ageMs: number): void {
    const fields = { age_seconds: Math.round(ageMs / 1000) };
    this.#write('warn', `${this.subject.what} of an earlier run are used until the provider answers`, fields);
  }

  /** The copy on disk could not be written or read. */
  diskFailed(attempt: 'written to' | 'read from', error: unknown): void {
    const isOurs = error instanceof FetchError || error instanceof UntrustedPathError;
    const reason = isOurs ? error.message : ((error as NodeJS.ErrnoException).code ?? 'unknown');
    this.#write('warn', `${this.subject.what} could not be ${attempt} cache_directory`, { reason });
  }

  #logState(state: DocumentState, fetchedAtMs: number | undefined): void {
    const { what, whenUnavailable } = this.subject;
    const age = fetchedAtMs === undefined ? undefined : Math.round((this.wallClock() - fetchedAtMs) / 1000);
    const fields = { age_seconds: age };
    if (state === 'stale') this.#write('warn', `${what} are stale and used because the provider fails`, fields);
    if (state === 'unavailable') this.#write('error', `no usable ${what}: ${whenUnavailable}`, fields);
    if (state === 'fresh' && this.#state !== undefined) this.#write('notice', `${what} are fresh again`, fields);
  }

  #write(level: Parameters<Log>[0], message: string, fields: LogFields): void {
    this.log(level, message, { ...this.subject.fields, ...fields });
  }
}
