import type { LogFields } from '../telemetry/log';
import { backOffMs } from './back-off';
import type { DocumentReport, FetchOutcome } from './document-report';
import { FetchError } from './fetch-error';
import {
  fetchVersion,
  restoreVersion,
  type DocumentVersion,
  type FetchedVersion,
  type VersionSource,
} from './document-version';

/** What a {@link RemoteDocument} is made of. */
export interface RemoteDocumentOptions<T> extends VersionSource<T> {
  /**
   * Returns the body to keep on disk, from which `parse` makes the value again. `undefined`: the one that is there is only
   * confirmed. Not asked about a body that was written while it was read.
   *
   * @param body - as it was fetched; `undefined` when it was confirmed
   */
  readonly write: (value: T, body: unknown) => unknown;
  readonly report: DocumentReport;
  /** What the log is told of a value: sizes only. */
  readonly sizes: (value: T) => LogFields;
  /** Is told how each attempt ended, how long it took, and what can be used after it. */
  readonly onAttempt?: (outcome: FetchOutcome, durationMs: number, usable: T | undefined) => void;
}

/**
 * A document from elsewhere. It is fetched when it is first needed and renewed in the background while it is in use, so
 * an ordinary use never waits. The provider is asked
 *
 * - before the document gets old: at about four fifths of its lifetime, on the next use;
 * - when a user misses something in it: at most once a cooldown, and failures count ({@link RemoteDocument.mayFetch});
 * - after a failure: not before a cooldown, and ever more slowly (back-off);
 * - at once when an operator wants it ({@link RemoteDocument.renew}).
 *
 * A document is used no longer than it is fresh (`max_ttl` at the most), until the next one is read that was fetched in
 * time, and `max_stale` more while the provider is known to fail; after that there is no document. All that wait share
 * one fetch.
 */
export class RemoteDocument<T> {
  readonly #cooldownMs: number;
  /** Its times are by `now` of the options, as are those below. */
  #version: DocumentVersion<T> | undefined;
  #fetch: Promise<void> | undefined;
  /** When the last attempt ended. */
  #attemptedAt = -Infinity;
  #failures = 0;
  /** Why the last attempt failed; `undefined` when it did not. */
  #failure: FetchError | undefined;
  /** No fetch begins before: the end of the pause after a failure. */
  #retryAt = -Infinity;
  /** When the newest version was issued, in seconds since the epoch; `undefined` until the disk was asked. */
  #newestIssue: number | undefined;
  /** The provider has answered, and its answer is being read. */
  #isReading = false;
  /** The next fetch has to go past all caches, because a {@link renew} has not succeeded yet. */
  #isRenewalDue = false;

  constructor(private readonly options: RemoteDocumentOptions<T>) {
    this.#cooldownMs = options.limits.cooldown * 1000;
  }

  /**
   * Returns the value if it may be used now: fresh, or stale while the provider is known to fail. Starts to renew it in
   * the background when that is due. Synchronous and cheap.
   */
  current(): T | undefined {
    const now = this.options.now();
    const version = this.#usable(now);
    if (version === undefined) return undefined;
    if (this.#fetch === undefined && now >= Math.max(version.refreshAt, this.#retryAt)) void this.#fetchOnce();
    return version.value;
  }

  /**
   * Fetches, or joins the fetch that is under way, and returns the value that may be used then. Does not fetch during
   * the pause after a failure. Never rejects.
   */
  async load(): Promise<T | undefined> {
    if (this.#fetch !== undefined || this.options.now() >= this.#retryAt) await this.#fetchOnce();
    const version = this.#usable(this.options.now());
    if (version === undefined) this.options.report.state('unavailable', this.#version?.fetchedAtMs);
    return version?.value;
  }

  /**
   * Whether {@link load} may be called for something that is not in the document: a fetch that is under way may bring
   * it, and a new one is made at most once a cooldown.
   */
  mayFetch(): boolean {
    const earliest = Math.max(this.#attemptedAt + this.#cooldownMs, this.#retryAt);
    return this.#fetch !== undefined || this.options.now() >= earliest;
  }

  /** Whole seconds until the provider is asked again, at least 1. */
  get retryAfterSeconds(): number {
    return Math.max(1, Math.ceil((this.#retryAt - this.options.now()) / 1000));
  }

  /** Why the last attempt failed, when it did and the reason holds nothing of the document. */
  get failure(): FetchError | undefined {
    return this.#failure;
  }

  /**
   * Fetches anew now, whatever was fetched, confirmed or failed before, unless nobody ever used the document. The value
   * stays as it is until that succeeds; when it fails, the next use after the pause tries again, past all caches as
   * well. Never rejects.
   */
  async renew(): Promise<void> {
    // One that is under way may have been answered before the document changed.
    while (this.#fetch !== undefined) await this.#fetch;
    if (this.#attemptedAt === -Infinity) return;
    if (this.#version !== undefined) this.#version = { ...this.#version, validators: undefined, refreshAt: -Infinity };
    this.#isRenewalDue = true;
    await this.#fetchOnce();
  }

  #usable(now: number): DocumentVersion<T> | undefined {
    const version = this.#version;
    if (version === undefined || now >= version.staleUntil) return undefined;
    // Reading a long list takes seconds: the one from before is used until then.
    if (now < version.freshUntil || this.#isReading) this.options.report.state('fresh', version.fetchedAtMs);
    else if (this.#isKnownToFail(now)) this.options.report.state('stale', version.fetchedAtMs);
    else return undefined;
    return version;
  }

  /**
   * A failure says something about the provider until the next attempt, which comes with the first use after `retryAt`,
   * could have ended. A failure of long ago, with no use since, is no reason to use an old document.
   */
  #isKnownToFail(now: number): boolean {
    return this.#failures > 0 && now < this.#retryAt + this.#cooldownMs + this.options.limits.timeoutMs;
  }

  /** Fetches, or joins the fetch that is under way. Never rejects. */
  #fetchOnce(): Promise<void> {
    this.#fetch ??= this.#attempt().finally(() => {
      this.#fetch = undefined;
    });
    return this.#fetch;
  }

  async #attempt(): Promise<void> {
    const { now, report, sizes, onAttempt } = this.options;
    const isRenewal = this.#isRenewalDue;
    const startedAt = performance.now();
    const begunAt = now();
    let outcome: FetchOutcome;
    this.#newestIssue ??= await this.#storedIssue();
    try {
      const fetched = await fetchVersion(this.options, this.#version, this.#newestIssue, isRenewal, () => {
        this.#isReading = true;
      });
      outcome = fetched.outcome;
      this.#accept(fetched, begunAt);
      this.#isRenewalDue = false;
      if (isRenewal) report.renewed(sizes(fetched.version.value));
    } catch (error) {
      outcome = 'failed';
      this.#acceptFailure(error);
      if (this.#version === undefined) await this.#restore();
    } finally {
      this.#isReading = false;
    }
    this.#attemptedAt = now();
    const usable = this.#usable(this.#attemptedAt);
    if (usable === undefined) report.state('unavailable', this.#version?.fetchedAtMs);
    onAttempt?.(outcome, performance.now() - startedAt, usable?.value);
  }

  #accept({ version, body: fetched, draft }: FetchedVersion<T>, begunAt: number): void {
    const { limits, file, write, report } = this.options;
    this.#version = version;
    this.#newestIssue = version.issuedAtSeconds ?? -Infinity;
    // A document that expires at once must not turn every use into a fetch. Counted from the start of the attempt: one that
    // lives for min_ttl from its fetch on, and took time to be read, would otherwise expire before it may be fetched.
    const earliest = begunAt + limits.minTtl * 1000;
    if (version.freshUntil < earliest) this.#retryAt = earliest;
    const { value, fetchedAtMs, lifetimeSeconds, issuedAtSeconds } = version;
    const times = { fetchedAtMs, lifetimeSeconds, issuedAtSeconds };
    const body = draft === undefined ? file && write(value, fetched) : undefined;
    const written = draft?.keep(times) ?? (body === undefined ? file?.confirm(times) : file?.write({ ...times, body }));
    written?.catch((error: unknown) => {
      report.diskFailed('written to', error);
    });
    if (this.#failures > 0) report.recovered(this.#failures);
    this.#failures = 0;
    this.#failure = undefined;
  }

  /** Returns how new the document was that an earlier process had, so that a restart does not let an older one in. */
  async #storedIssue(): Promise<number> {
    try {
      return (await this.options.file?.readTimes())?.issuedAtSeconds ?? -Infinity;
    } catch (error) {
      this.options.report.diskFailed('read from', error);
      return -Infinity;
    }
  }

  #acceptFailure(error: unknown): void {
    this.#failures += 1;
    this.#failure = error instanceof FetchError ? error : undefined;
    const pauseMs = backOffMs(this.#failures, this.#cooldownMs, this.options.random);
    this.#retryAt = this.options.now() + pauseMs;
    this.options.report.failed(error, this.#failures, pauseMs);
  }

  /** The provider is down and nothing was ever fetched: the document of an earlier process may still be good. */
  async #restore(): Promise<void> {
    const { report, wallClock } = this.options;
    try {
      this.#version = await restoreVersion(this.options);
      if (this.#version !== undefined) report.restored(wallClock() - this.#version.fetchedAtMs);
    } catch (error) {
      report.diskFailed('read from', error);
    }
  }
}
