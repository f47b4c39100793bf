import type { KeyFetchConfig } from '../../schema/config';
import type { KeyLookup, KeyRequest, KeySource, VerificationKey } from '../core/key-source';
import { keyFetchChannel, keySetChannel } from '../telemetry/channels';
import type { Log } from '../telemetry/log';
import { backOffMs } from './back-off';
import { FetchError, type FetchedDocument, type Validators } from './document-fetcher';
import { lifetimeSeconds } from './freshness';
import { keepIdentity, readKeySet } from './key-set-document';
import type { KeySetFile } from './key-set-file';
import { selectKey } from './key-selection';

/** What a {@link RemoteKeySet} needs from the outside. */
export interface RemoteKeySetDependencies {
  /** The time, in milliseconds since the epoch. */
  readonly now: () => number;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Fetches the JWK set from wherever it is today. */
  readonly fetchKeySet: (validators: Validators | undefined) => Promise<FetchedDocument>;
  /** Where the last good set is kept, if anywhere. */
  readonly file: KeySetFile | undefined;
}

/** Keys and the times that decide how long they may be used, in milliseconds since the epoch. */
interface LoadedKeys {
  readonly keys: readonly VerificationKey[];
  readonly body: unknown;
  readonly validators: Validators | undefined;
  readonly fetchedAt: number;
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
 * - after a failure: not before a cooldown, and ever more slowly (back-off).
 *
 * A key that was removed is used no longer than its set is fresh (`max_ttl` at the most), and `max_stale` more while the
 * provider fails; after that, the answer is `unavailable`. All waiting requests share one fetch.
 */
export class RemoteKeySet implements KeySource {
  #loaded: LoadedKeys | undefined;
  #fetch: Promise<void> | undefined;
  /** When the last fetch ended. */
  #attemptedAt = -Infinity;
  #failures = 0;
  /** While the provider fails: when to ask it again. */
  #retryAt = -Infinity;
  #isFileRead = false;

  /** @param issuer - whose keys these are, for the log and the metrics */
  constructor(
    private readonly issuer: string,
    private readonly config: KeyFetchConfig,
    private readonly dependencies: RemoteKeySetDependencies,
  ) {}

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

  /** The keys, if they may be used now: fresh, or stale while the provider is known to fail. */
  #usable(): LoadedKeys | undefined {
    const loaded = this.#loaded;
    const now = this.dependencies.now();
    if (loaded === undefined || now >= loaded.staleUntil) return undefined;
    return now < loaded.freshUntil || this.#failures > 0 ? loaded : undefined;
  }

  #refreshWhenDue(loaded: LoadedKeys): void {
    if (this.#fetch === undefined && this.dependencies.now() >= Math.max(loaded.refreshAt, this.#retryAt)) {
      void this.#fetchOnce();
    }
  }

  /** A fetch that is under way may bring the key; a new one is made at most once a cooldown. */
  #mayAskForKey(): boolean {
    const earliest = Math.max(this.#attemptedAt + this.config.cooldown * 1000, this.#retryAt);
    return this.#fetch !== undefined || this.dependencies.now() >= earliest;
  }

  async #fetchAndFind(request: KeyRequest): Promise<KeyLookup> {
    if (this.#fetch !== undefined || this.dependencies.now() >= this.#retryAt) await this.#fetchOnce();
    const loaded = this.#usable();
    if (loaded !== undefined) return selectKey(loaded.keys, request);
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
    let outcome: 'ok' | 'not_modified' | 'failed';
    try {
      outcome = this.#accept(await this.dependencies.fetchKeySet(this.#loaded?.validators));
      if (this.#failures > 0) this.#log('notice', 'keys can be fetched again', {});
      this.#failures = 0;
      this.#retryAt = -Infinity;
    } catch (error) {
      outcome = 'failed';
      await this.#acceptFailure(error);
    }
    this.#attemptedAt = this.dependencies.now();
    const keys = this.#usable()?.keys.length ?? 0;
    if (keyFetchChannel.hasSubscribers) {
      keyFetchChannel.publish({ issuer: this.issuer, outcome, durationMs: performance.now() - startedAt, keys });
    }
    this.#publishState();
  }

  #accept(document: FetchedDocument): 'ok' | 'not_modified' {
    const seconds = lifetimeSeconds(document.freshness, this.config);
    const fetchedAtMs = this.dependencies.now();
    const before = this.#loaded;
    if (document.status === 'not_modified') {
      if (before === undefined) throw new FetchError('the provider answered 304 to a request without a condition');
      this.#loaded = { ...before, ...this.#times(fetchedAtMs, seconds) };
    } else {
      this.#load(document.body, document.validators, fetchedAtMs, seconds);
    }
    const stored = { body: this.#loaded?.body, fetchedAtMs, lifetimeSeconds: seconds };
    this.dependencies.file?.write(stored).catch((error: unknown) => {
      this.#log('warn', 'keys could not be written to cache_directory', { reason: codeOf(error) });
    });
    return document.status;
  }

  /** @throws FetchError when the document is no usable key set; the keys from before stay */
  #load(body: unknown, validators: Validators | undefined, fetchedAt: number, seconds: number): void {
    const before = this.#loaded?.keys ?? [];
    const { keys: read, skipped } = readKeySet(body, this.config.maxKeys);
    const keys = keepIdentity(read, before);
    const added = keys.filter((key) => !before.includes(key)).length;
    const removed = before.filter((key) => !keys.includes(key)).length;
    this.#loaded = { keys, body, validators, ...this.#times(fetchedAt, seconds) };
    if (added + removed === 0) return;
    this.#log('notice', 'keys changed', { keys: keys.length, added, removed });
    for (const reason of skipped) this.#log('notice', 'a key of the set is not used', { reason });
  }

  #times(fetchedAt: number, seconds: number): Omit<LoadedKeys, 'keys' | 'body' | 'validators'> {
    const lifetime = seconds * 1000;
    const freshUntil = fetchedAt + lifetime;
    // Spread over a fifth of the lifetime, so that many gateways do not come at once.
    const refreshAt = fetchedAt + lifetime * (0.7 + this.dependencies.random() / 5);
    return { fetchedAt, refreshAt, freshUntil, staleUntil: freshUntil + this.config.maxStale * 1000 };
  }

  async #acceptFailure(error: unknown): Promise<void> {
    this.#failures += 1;
    const pauseMs = backOffMs(this.#failures, this.config.cooldown * 1000, this.dependencies.random);
    this.#retryAt = this.dependencies.now() + pauseMs;
    const reason = error instanceof FetchError ? error.message : 'an unexpected error';
    this.#log('warn', 'keys could not be fetched', {
      reason,
      failures: this.#failures,
      retry_in_ms: Math.round(pauseMs),
    });
    if (this.#loaded === undefined && !this.#isFileRead) await this.#loadFile();
  }

  /** The provider is down and nothing was ever fetched: the set of an earlier process may still be good. */
  async #loadFile(): Promise<void> {
    this.#isFileRead = true;
    const stored = await this.dependencies.file?.read();
    // A time to come would make keys last for ever.
    if (stored === undefined || stored.fetchedAtMs > this.dependencies.now()) return;
    try {
      const seconds = Math.min(stored.lifetimeSeconds, this.config.maxTtl);
      this.#load(stored.body, undefined, stored.fetchedAtMs, seconds);
      this.#log('warn', 'keys of an earlier run are used until the provider answers', {});
    } catch {
      this.#log('warn', 'the key set in cache_directory is not usable', {});
    }
  }

  #publishState(): void {
    if (!keySetChannel.hasSubscribers) return;
    const usable = this.#usable();
    const isFresh = usable !== undefined && this.dependencies.now() < usable.freshUntil;
    const state = usable === undefined ? 'unavailable' : isFresh ? 'fresh' : 'stale';
    keySetChannel.publish({ issuer: this.issuer, fetchedAtMs: this.#loaded?.fetchedAt ?? 0, state });
  }

  #log(level: Parameters<Log>[0], message: string, fields: Parameters<Log>[2]): void {
    this.dependencies.log(level, message, { issuer: this.issuer, ...fields });
  }
}

function isMissing(lookup: KeyLookup): boolean {
  return lookup.status === 'not_found' && lookup.reason === 'no_matching_key';
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown';
}
