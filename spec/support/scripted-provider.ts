import type { FetchedDocument, Validators } from '../../src/documents/document-fetcher';
import { FetchError } from '../../src/documents/fetch-error';
import type { StoredDocument, DocumentFile } from '../../src/documents/document-file';
import { RemoteKeySet } from '../../src/keys/remote-key-set';
import { keyFetchOf, type KeyLike, keySetOf, LogRecorder } from './key-issuer';

/** A {@link RemoteKeySet} whose clocks, chance, provider and disk are in a spec's hand. */
export class ScriptedProvider {
  /** What the provider publishes. */
  keys: readonly KeyLike[];
  /** Why it cannot be fetched from, if it cannot. */
  fault: Error | undefined;
  cacheControl: string | undefined;
  /** With one, a request that names it is answered 304. */
  etag: string | undefined;
  /** Answers 304 to every request, whether it asked for that or not. */
  isConfused = false;
  random = 0.5;
  /** Both clocks, in milliseconds. */
  nowMs = 1_800_000_000_000;
  /** When each fetch began, in seconds since the start. */
  readonly fetches: number[] = [];
  /** Those of them that were to go past every cache. */
  readonly renewals: number[] = [];
  /** What was kept on disk; a spec may put something there. */
  stored: StoredDocument | undefined;
  fileProblem: Error | undefined;
  readonly recorder = new LogRecorder();
  readonly set: RemoteKeySet;
  readonly #startMs = this.nowMs;
  #gate: Promise<void> | undefined;

  constructor(keyFetch: Readonly<Record<string, unknown>> = {}, ...keys: readonly KeyLike[]) {
    this.keys = keys;
    const now = (): number => this.nowMs;
    const file: DocumentFile = {
      write: (stored) => this.#onDisk(() => void (this.stored = stored)),
      confirm: () => this.#onDisk(() => undefined),
      read: () => this.#onDisk(() => this.stored),
      readTimes: () => Promise.resolve(undefined),
    };
    this.set = new RemoteKeySet('https://auth.test/', keyFetchOf(keyFetch), {
      now,
      wallClock: now,
      random: () => this.random,
      log: this.recorder.log,
      fetchKeySet: ({ validators, isRenewal }) => {
        if (isRenewal) this.renewals.push(this.#elapsedSeconds);
        return this.#fetch(validators);
      },
      file,
    });
  }

  /** Lets time go by, in seconds. */
  pass(seconds: number): void {
    this.nowMs += seconds * 1000;
  }

  /** Fetches hang from now on; what is returned lets them go on. */
  hang(): () => Promise<void> {
    let release: () => void = () => undefined;
    this.#gate = new Promise((resolve) => (release = resolve));
    return () => {
      this.#gate = undefined;
      release();
      return this.settled();
    };
  }

  /** Resolves when everything that can go on without time passing has gone on. */
  settled(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  get #elapsedSeconds(): number {
    return (this.nowMs - this.#startMs) / 1000;
  }

  async #fetch(validators: Validators | undefined): Promise<FetchedDocument> {
    this.fetches.push(this.#elapsedSeconds);
    if (this.#gate !== undefined) await this.#gate;
    if (this.fault !== undefined) throw this.fault;
    const freshness = { cacheControl: this.cacheControl, age: undefined, expires: undefined, date: undefined };
    const isConfirmed = this.etag !== undefined && validators?.etag === this.etag;
    if (isConfirmed || this.isConfused) return { status: 'not_modified', freshness };
    const body: unknown = JSON.parse(JSON.stringify(keySetOf(...this.keys)));
    const url = 'https://auth.test/jwks';
    return { status: 'ok', body, freshness, validators: { url, etag: this.etag, lastModified: undefined } };
  }

  #onDisk<Result>(use: () => Result): Promise<Result> {
    return this.fileProblem === undefined ? Promise.resolve(use()) : Promise.reject(this.fileProblem);
  }
}

/** What a provider that is down looks like. */
export const DOWN = new FetchError('the connection failed (ECONNREFUSED)');
