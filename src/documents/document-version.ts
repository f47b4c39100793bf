import type { FetchedDocument, Validators } from './document-fetcher';
import type { DocumentDraft, DocumentFile } from './document-file';
import { documentTimes, type DocumentTimes } from './document-times';
import type { Clock } from './elapsed-clock';
import { FetchError } from './fetch-error';
import { lifetimeSeconds, type FreshnessLimits } from './freshness';

/** How long a document is used and how often it is asked for. */
export interface LifeCycleLimits extends FreshnessLimits {
  /** Seconds for which it is used past its lifetime, while the provider is known to fail. */
  readonly maxStale: number;
  /** Seconds between two attempts that are not due to its age, and of the first pause after a failure. */
  readonly cooldown: number;
  /** Milliseconds for one attempt: every request of it, and parsing. */
  readonly timeoutMs: number;
}

/** One attempt to fetch a document. */
export interface FetchAttempt {
  /** Of the version that is there, if any. */
  readonly validators: Validators | undefined;
  /** Whether caches on the way must not answer. */
  readonly isRenewal: boolean;
  /** Aborted when the time of the attempt is up, or when it has ended: nobody reads on then. */
  readonly signal: AbortSignal;
}

/** What was made of a document, and what the document itself says about its lifetime. */
export interface Parsed<T> {
  readonly value: T;
  /** Seconds for which the document says that it may be used, such as `ttl`; counts before HTTP's headers. */
  readonly lifetimeSeconds?: number | undefined;
  /** Milliseconds since the epoch, such as `exp`. Past it the document is not used, whatever else is configured. */
  readonly expiresAtMs?: number | undefined;
  /** When it was issued, in seconds since the epoch. An older one is refused: somebody could have kept it back. */
  readonly issuedAtSeconds?: number | undefined;
}

/** Where versions of a document come from. */
export interface VersionSource<T> {
  readonly limits: LifeCycleLimits;
  /** Fetches the document from wherever it is today, and bounds its bytes ({@link FetchLimits}). */
  readonly fetch: (attempt: FetchAttempt) => Promise<FetchedDocument>;
  /**
   * Reads a fetched document, which may still be coming, or its copy on disk; `before` is the value until now. Bounds the number of items before
   * it works on them. Throws a {@link FetchError} for a document that is of no use: the value from before then stays.
   */
  readonly parse: (body: unknown, before: T | undefined) => Parsed<T> | Promise<Parsed<T>>;
  /** Where the last good document is kept, if anywhere. */
  readonly file: DocumentFile | undefined;
  /** Never steps back; it measures how old a document is. */
  readonly now: Clock;
  /** Milliseconds since the epoch, for what outlives the process or leaves it. */
  readonly wallClock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
}

/** One version of a document, and the times that decide how long it may be used. */
export interface DocumentVersion<T> extends DocumentTimes {
  readonly value: T;
  readonly validators: Validators | undefined;
  /** The lifetime that the document itself states, in seconds. */
  readonly statedSeconds: number | undefined;
  readonly issuedAtSeconds: number | undefined;
}

/** How an attempt that succeeded ended: with another version, or with word that the one from before is still right. */
export interface FetchedVersion<T> {
  readonly outcome: 'ok' | 'not_modified';
  readonly version: DocumentVersion<T>;
  /** As it was fetched; `undefined` with `not_modified`. */
  readonly body: unknown;
  /** What was written of it while it was read; the caller keeps or discards it. */
  readonly draft: DocumentDraft | undefined;
}

/**
 * Fetches the next version, or confirms the one from before, within `timeoutMs`.
 *
 * @param newestIssue - when the newest version so far was issued, in seconds since the epoch
 * @param onFetched - told that the provider answers, and that its answer is being read
 * @throws FetchError when the document cannot be had, is of no use, has expired, or is older than the one before
 */
export async function fetchVersion<T>(
  source: VersionSource<T>,
  before: DocumentVersion<T> | undefined,
  newestIssue: number,
  isRenewal: boolean,
  onFetched: () => void,
): Promise<FetchedVersion<T>> {
  const { limits, fetch, parse, file, now, wallClock, random } = source;
  const { signal, deadline, clear } = timeLimit(limits.timeoutMs);
  let draft: DocumentDraft | undefined;
  try {
    const document = await Promise.race([fetch({ validators: before?.validators, isRenewal, signal }), deadline]);
    onFetched();
    const fetched = { fetchedAt: now(), fetchedAtMs: wallClock() };
    const timesOf = (seconds: number, expiresAtMs: number | undefined): DocumentTimes =>
      documentTimes({ ...fetched, lifetimeSeconds: seconds, expiresAtMs }, limits.maxStale, random());
    let version: DocumentVersion<T>;
    if (document.status === 'ok') {
      let { body } = document;
      if (isStream(body)) {
        draft = file?.draft?.();
        body = draft?.copied(body) ?? body;
      }
      const parsed = await Promise.race([parse(body, before?.value), deadline]);
      const { value, lifetimeSeconds: stated, expiresAtMs, issuedAtSeconds } = parsed;
      if (issuedAtSeconds !== undefined && issuedAtSeconds < newestIssue) {
        throw new FetchError('the document is older than the one before');
      }
      // One that takes long to read must not be out of date before it was used.
      const readSeconds = (now() - fetched.fetchedAt) / 1000;
      const seconds = Math.max(lifetimeSeconds(document.freshness, limits, { stated }), readSeconds + limits.minTtl);
      const { validators } = document;
      version = { value, statedSeconds: stated, issuedAtSeconds, validators, ...timesOf(seconds, expiresAtMs) };
    } else if (before !== undefined) {
      const lifetimes = { stated: before.statedSeconds, unsaid: before.lifetimeSeconds };
      const seconds = lifetimeSeconds(document.freshness, limits, lifetimes);
      version = { ...before, ...timesOf(seconds, before.expiresAtMs) };
    } else {
      throw new FetchError('the provider answered 304 to a request without a condition');
    }
    if (now() >= version.staleUntil) throw new FetchError('the document has expired');
    return { outcome: document.status, version, body: document.status === 'ok' ? document.body : undefined, draft };
  } catch (error) {
    // Not waited for: a disk that hangs must not hold up those that wait.
    void draft?.discard();
    throw error;
  } finally {
    clear();
  }
}

/**
 * Returns the version that an earlier process kept on disk, if there is one that may still be used while the provider
 * fails. Rejects when it cannot be read.
 */
export async function restoreVersion<T>(source: VersionSource<T>): Promise<DocumentVersion<T> | undefined> {
  const { limits, file, parse, now, wallClock, random } = source;
  const stored = await file?.read();
  if (stored === undefined) return undefined;
  const { body, fetchedAtMs } = stored;
  const ageMs = wallClock() - fetchedAtMs;
  const seconds = Math.min(stored.lifetimeSeconds, limits.maxTtl);
  // A time to come would make the document last for ever.
  if (ageMs < 0 || ageMs >= (seconds + limits.maxStale) * 1000) return undefined;
  const { value, lifetimeSeconds: stated, expiresAtMs, issuedAtSeconds } = await parse(body, undefined);
  const age = { fetchedAt: now() - ageMs, fetchedAtMs, lifetimeSeconds: seconds, expiresAtMs };
  const times = documentTimes(age, limits.maxStale, random());
  if (now() >= times.staleUntil) return undefined;
  return { value, statedSeconds: stated, issuedAtSeconds, validators: undefined, ...times };
}

/** Whether a body is read while it comes. */
function isStream(body: unknown): body is AsyncIterable<Uint8Array> {
  return typeof body === 'object' && body !== null && Symbol.asyncIterator in body;
}

/** For a fetch that ends with the signal to say so itself, in milliseconds. */
const GRACE_MS = 250;

interface TimeLimit {
  readonly signal: AbortSignal;
  /** Rejects soon after the time is up. Without it, a fetch or a parser that never ends would keep all that wait. */
  readonly deadline: Promise<never>;
  /** Lets go of everything: timers and connections would hold what was fetched until the time is up. */
  readonly clear: () => void;
}

function timeLimit(timeoutMs: number): TimeLimit {
  const controller = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      controller.abort();
      timer = setTimeout(reject, GRACE_MS, new FetchError(`no complete answer within ${timeoutMs} ms`)).unref();
    }, timeoutMs).unref();
  });
  deadline.catch(() => undefined);
  return {
    signal: controller.signal,
    deadline,
    clear: () => {
      clearTimeout(timer);
      controller.abort();
    },
  };
}
