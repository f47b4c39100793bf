import type { KeyFetchConfig } from '../../schema/config';
import type { KeyLookup, KeyRequest, KeySource, VerificationKey } from '../core/verification/key-source';
import { keyFetchChannel } from '../telemetry/channels';
import type { Log } from '../telemetry/log';
import { backOffMs } from '../documents/back-off';
import type { FetchedDocument, Validators } from '../documents/document-fetcher';
import type { Clock } from '../documents/elapsed-clock';
import { FetchError } from '../documents/fetch-error';
import { lifetimeSeconds } from '../documents/freshness';
import { keepIdentity, readKeySet, writeKeySet } from './key-set-document';
import { UnsafeDirectoryError, type DocumentFile } from '../documents/document-file';
import { KeySetReport } from './key-set-report';
import { selectKey } from './key-selection';

/** What a {@link RemoteKeySet} needs from the outside. */
export interface RemoteKeySetDependencies {
  /** Never steps back; it measures how old keys are. */
  readonly now: Clock;
  /** Milliseconds since the epoch, for what outlives the process or leaves it. */
  readonly wallClock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Fetches the JWK set from wherever it is today, within `timeout_ms`; for a renewal from the provider itself. */
  readonly fetchKeySet: (validators: Validators | undefined, isRenewal: boolean) => Promise<FetchedDocument>;
  /** Where the last good set is kept, if anywhere. */
  readonly file: DocumentFile | undefined;
}

/** Keys and the times that decide how long they may be used, by `now` of the dependencies. */
interface LoadedKeys {
  readonly keys: readonly VerificationKey[];
  readonly validators: Validators | undefined;
  readonly lifetimeSeconds: number;
  /** By the wall clock. */
  readonly fetchedAtMs: number;
  /** From here on a use starts a fetch in the background. */
  readonly refreshAt: number;
  /** From here on the keys are used only while the provider fails. */
  readonly freshUntil: number;
  /** From here on they are not used at all. */
  readonly staleUntil: number;
}

/**
 * One issuer's key set on the network. It is fetched when it is first needed and renewed in the background while it is
 * in use, so an ordinary request never waits. The provider is asked
 *
 * - before the keys get old: at about four fifths of their lifetime, on the next use;
 * - for a key that is not in the set: at most once a cooldown, whatever tokens come, and failures count;
 * - after a failure: not before a cooldown, and ever more slowly (back-off);
 * - at once when an operator wants it ({@link renew}).
 *
 * A key that was removed is used no longer than its set is fresh (`max_ttl` at the most), and `max_stale` more while the
 * provider is known to fail; after that, the answer is `unavailable`. All waiting requests share one fetch.
 */
export class RemoteKeySet implements KeySource {
  readonly #cooldownMs: number;
  readonly #report: KeySetReport;
  #loaded: LoadedKeys | undefined;
  #fetch: Promise<void> | undefined;
  /** When the last fetch ended. */
  #attemptedAt = -Infinity;
  #failures = 0;
  /** After a failure: when to ask again. No fetch begins before. */
  #retryAt = -Infinity;
  /** The next fetch has to go past all caches, because a {@link renew} has not succeeded yet. */
  #isRenewalDue = false;

  /** @param issuer - whose keys these are, for the log and the metrics */
  constructor(
    private readonly issuer: string,
    private readonly config: KeyFetchConfig,
    private readonly dependencies: RemoteKeySetDependencies,
  ) {
    this.#cooldownMs = config.cooldown * 1000;
    this.#report = new KeySetReport(issuer, dependencies.wallClock, dependencies.log);
  }

  find(request: KeyRequest): KeyLookup | Promise<KeyLookup> {
    const loaded = this.#usable();
    if (loaded === undefined) return this.#fetchAndFind(request);
    this.#refreshWhenDue(loaded);
    const found = selectKey(loaded.keys, request);
    return isMissing(found) && this.#mayAskForKey() ? this.#fetchAndFind(request) : found;
  }

  holds(key: VerificationKey): boolean {
    const loaded = this.#usable();
    if (loaded === undefined) return false;
    this.#refreshWhenDue(loaded);
    return loaded.keys.includes(key);
  }

  /**
   * Fetches anew now, whatever was fetched, confirmed or failed before, unless nobody ever asked for a key. The keys stay
   * as they are until that succeeds; when it fails, the next use after the pause tries again, past all caches as well.
   * Never rejects.
   */
  async renew(): Promise<void> {
    // One that is under way may have been answered before the keys changed.
    while (this.#fetch !== undefined) await this.#fetch;
    if (this.#attemptedAt === -Infinity) return;
    if (this.#loaded !== undefined) this.#loaded = { ...this.#loaded, validators: undefined, refreshAt: -Infinity };
    this.#isRenewalDue = true;
    await this.#fetchOnce();
  }

  /** The keys, if they may be used now: fresh, or stale while the provider is known to fail. */
  #usable(): LoadedKeys | undefined {
    const loaded = this.#loaded;
    const now = this.dependencies.now();
    if (loaded === undefined || now >= loaded.staleUntil) return undefined;
    if (now < loaded.freshUntil) this.#report.state('fresh', loaded.fetchedAtMs);
    else if (this.#isKnownToFail(now)) this.#report.state('stale', loaded.fetchedAtMs);
    else return undefined;
    return loaded;
  }

  /**
   * A failure says something about the provider until the next attempt, which comes with the first use after `retryAt`,
   * could have ended. A failure of long ago, with no use since, is no reason to use old keys.
   */
  #isKnownToFail(now: number): boolean {
    return this.#failures > 0 && now < this.#retryAt + this.#cooldownMs + this.config.timeoutMs;
  }

  #refreshWhenDue(loaded: LoadedKeys): void {
    if (this.#fetch === undefined && this.dependencies.now() >= Math.max(loaded.refreshAt, this.#retryAt)) {
      void this.#fetchOnce();
    }
  }

  /** A fetch that is under way may bring the key; a new one is made at most once a cooldown. */
  #mayAskForKey(): boolean {
    const earliest = Math.max(this.#attemptedAt + this.#cooldownMs, this.#retryAt);
    return this.#fetch !== undefined || this.dependencies.now() >= earliest;
  }

  async #fetchAndFind(request: KeyRequest): Promise<KeyLookup> {
    if (this.#fetch !== undefined || this.dependencies.now() >= this.#retryAt) await this.#fetchOnce();
    const loaded = this.#usable();
    if (loaded !== undefined) return selectKey(loaded.keys, request);
    this.#report.state('unavailable', this.#loaded?.fetchedAtMs);
    const retryAfterSeconds = Math.max(1, Math.ceil((this.#retryAt - this.dependencies.now()) / 1000));
    return { status: 'unavailable', retryAfterSeconds };
  }

  /** Fetches, or joins the fetch that is under way. Never rejects. */
  #fetchOnce(): Promise<void> {
    this.#fetch ??= this.#attempt().finally(() => {
      this.#fetch = undefined;
    });
    return this.#fetch;
  }

  async #attempt(): Promise<void> {
    const startedAt = performance.now();
    const isRenewal = this.#isRenewalDue;
    let outcome: 'ok' | 'not_modified' | 'failed';
    try {
      outcome = this.#accept(await this.dependencies.fetchKeySet(this.#loaded?.validators, isRenewal));
      if (this.#failures > 0) this.#log('notice', 'keys can be fetched again', { failures: this.#failures });
      this.#failures = 0;
      this.#isRenewalDue = false;
      if (isRenewal) this.#log('notice', 'keys were fetched anew', { keys: this.#loaded?.keys.length });
    } catch (error) {
      outcome = 'failed';
      this.#acceptFailure(error);
      if (this.#loaded === undefined) await this.#loadFile();
    }
    this.#attemptedAt = this.dependencies.now();
    const usable = this.#usable();
    if (usable === undefined) this.#report.state('unavailable', this.#loaded?.fetchedAtMs);
    if (keyFetchChannel.hasSubscribers) {
      const keys = usable?.keys.length ?? 0;
      keyFetchChannel.publish({ issuer: this.issuer, outcome, durationMs: performance.now() - startedAt, keys });
    }
  }

  /** @throws FetchError when the document is no usable key set; the keys from before stay */
  #accept(document: FetchedDocument): 'ok' | 'not_modified' {
    const before = this.#loaded;
    const fetchedAtMs = this.dependencies.wallClock();
    if (document.status === 'ok') {
      const seconds = lifetimeSeconds(document.freshness, this.config);
      this.#loaded = {
        keys: this.#read(document.body),
        validators: document.validators,
        ...this.#times(fetchedAtMs, seconds),
      };
    } else if (before !== undefined) {
      const seconds = lifetimeSeconds(document.freshness, this.config, before.lifetimeSeconds);
      this.#loaded = { ...before, ...this.#times(fetchedAtMs, seconds) };
    } else {
      throw new FetchError('the provider answered 304 to a request without a condition');
    }
    this.#writeFile(this.#loaded);
    return document.status;
  }

  #read(body: unknown): readonly VerificationKey[] {
    const before = this.#loaded?.keys ?? [];
    const { keys: read, skipped } = readKeySet(body, this.config.maxKeys);
    const keys = keepIdentity(read, before);
    this.#report.keys(before, keys, skipped);
    return keys;
  }

  /** @param ageMs - since the fetch */
  #times(fetchedAtMs: number, seconds: number, ageMs = 0): Omit<LoadedKeys, 'keys' | 'validators'> {
    const lifetimeMs = seconds * 1000;
    const fetchedAt = this.dependencies.now() - ageMs;
    const freshUntil = fetchedAt + lifetimeMs;
    // Spread over a fifth of the lifetime, so that many gateways do not come at once.
    const refreshAt = fetchedAt + lifetimeMs * (0.7 + this.dependencies.random() / 5);
    const staleUntil = freshUntil + this.config.maxStale * 1000;
    return { lifetimeSeconds: seconds, fetchedAtMs, refreshAt, freshUntil, staleUntil };
  }

  #acceptFailure(error: unknown): void {
    this.#failures += 1;
    const pauseMs = backOffMs(this.#failures, this.#cooldownMs, this.dependencies.random);
    this.#retryAt = this.dependencies.now() + pauseMs;
    this.#log('warn', 'keys could not be fetched', {
      reason: error instanceof FetchError ? error.message : 'an unexpected error',
      failures: this.#failures,
      retry_in_ms: Math.round(pauseMs),
    });
  }

  #writeFile({ keys, fetchedAtMs, lifetimeSeconds: seconds }: LoadedKeys): void {
    const { file } = this.dependencies;
    file?.write({ body: writeKeySet(keys), fetchedAtMs, lifetimeSeconds: seconds }).catch((error: unknown) => {
      this.#log('warn', 'keys could not be written to cache_directory', { reason: reasonOf(error) });
    });
  }

  /** The provider is down and nothing was ever fetched: the set of an earlier process may still be good. */
  async #loadFile(): Promise<void> {
    const { file, wallClock, now } = this.dependencies;
    try {
      const stored = await file?.read();
      if (stored === undefined) return;
      const ageMs = wallClock() - stored.fetchedAtMs;
      const seconds = Math.min(stored.lifetimeSeconds, this.config.maxTtl);
      const times = this.#times(stored.fetchedAtMs, seconds, ageMs);
      // A time to come would make keys last for ever.
      if (ageMs < 0 || now() >= times.staleUntil) return;
      this.#loaded = { keys: this.#read(stored.body), validators: undefined, ...times };
      const age = Math.round(ageMs / 1000);
      this.#log('warn', 'keys of an earlier run are used until the provider answers', { age_seconds: age });
    } catch (error) {
      this.#log('warn', 'keys could not be read from cache_directory', { reason: reasonOf(error) });
    }
  }

  #log(level: Parameters<Log>[0], message: string, fields: Parameters<Log>[2]): void {
    this.dependencies.log(level, message, { issuer: this.issuer, ...fields });
  }
}

function isMissing(lookup: KeyLookup): boolean {
  return lookup.status === 'not_found' && lookup.reason === 'no_matching_key';
}

function reasonOf(error: unknown): string {
  if (error instanceof FetchError || error instanceof UnsafeDirectoryError) return error.message;
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
