import type { KeyLookup, KeyRequest, KeySource, VerificationKey } from '../core/verification/key-source';
import type { DocumentFile } from '../documents/document-file';
import type { FetchedDocument } from '../documents/document-fetcher';
import { DocumentReport } from '../documents/document-report';
import type { Clock } from '../documents/elapsed-clock';
import type { FetchAttempt, LifeCycleLimits } from '../documents/document-version';
import { RemoteDocument } from '../documents/remote-document';
import { keyFetchChannel, keySetChannel } from '../telemetry/channels';
import type { Log } from '../telemetry/log';
import { keepIdentity, readKeySet, writeKeySet } from './key-set-document';
import { keyChanges } from './key-changes';
import { keyFindings } from './key-findings';
import { selectKey } from './key-selection';

/** How long keys are used, how often they are asked for, and how many there may be. */
export interface KeySetLimits extends LifeCycleLimits {
  readonly maxKeys: number;
}

/** What a {@link RemoteKeySet} needs from the outside. */
export interface RemoteKeySetDependencies {
  /** Never steps back; it measures how old keys are. */
  readonly now: Clock;
  /** Milliseconds since the epoch, for what outlives the process or leaves it. */
  readonly wallClock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** Fetches the JWK set from wherever it is today; for a renewal from the provider itself. */
  readonly fetchKeySet: (attempt: FetchAttempt) => Promise<FetchedDocument>;
  /** Where the last good set is kept, if anywhere. */
  readonly file: DocumentFile | undefined;
}

/**
 * One issuer's key set on the network: a {@link RemoteDocument} in which keys are looked up. A key that is not in the
 * set makes it be fetched, at most once a cooldown, whatever tokens come. A key that was removed is used no longer than
 * its set is fresh (`max_ttl` at the most), and `max_stale` more while the provider is known to fail; after that, the
 * answer is `unavailable`.
 */
export class RemoteKeySet implements KeySource {
  readonly #document: RemoteDocument<readonly VerificationKey[]>;
  /** Why keys of the last document that was read are not used. */
  #skipped: readonly string[] = [];

  /** @param issuer - whose keys these are, for the log and the metrics */
  constructor(issuer: string, limits: KeySetLimits, dependencies: RemoteKeySetDependencies) {
    const { log, wallClock, fetchKeySet, ...rest } = dependencies;
    const subject = { what: 'keys', whenUnavailable: 'requests are refused with 503', fields: { issuer } };
    const logChanges = keyChanges(issuer, log);
    this.#document = new RemoteDocument({
      ...rest,
      wallClock,
      limits,
      fetch: fetchKeySet,
      parse: (body, before = []) => {
        const { keys: read, skipped } = readKeySet(body, limits.maxKeys);
        const value = keepIdentity(read, before);
        logChanges(before, value, skipped);
        this.#skipped = skipped;
        return { value };
      },
      write: writeKeySet,
      sizes: (keys) => ({ keys: keys.length }),
      report: new DocumentReport(subject, wallClock, log, (state, fetchedAtMs = 0) => {
        if (keySetChannel.hasSubscribers) keySetChannel.publish({ issuer, fetchedAtMs, state });
      }),
      onAttempt: (outcome, durationMs, usable) => {
        if (!keyFetchChannel.hasSubscribers) return;
        keyFetchChannel.publish({ issuer, outcome, durationMs, keys: usable?.length ?? 0 });
      },
    });
  }

  find(request: KeyRequest): KeyLookup | Promise<KeyLookup> {
    const keys = this.#document.current();
    if (keys === undefined) return this.#loadAndFind(request);
    const found = selectKey(keys, request);
    return isMissing(found) && this.#document.mayFetch() ? this.#loadAndFind(request) : this.#explained(found);
  }

  holds(key: VerificationKey): boolean {
    return this.#document.current()?.includes(key) === true;
  }

  findings(): readonly string[] {
    const { failure } = this.#document;
    const failed =
      failure === undefined ? [] : [`the keys could not be fetched: ${failure.message}`, ...failure.details];
    return [...failed, ...keyFindings(this.#document.current() ?? [], this.#skipped)];
  }

  /** Fetches anew now ({@link RemoteDocument.renew}). */
  renew(): Promise<void> {
    return this.#document.renew();
  }

  async #loadAndFind(request: KeyRequest): Promise<KeyLookup> {
    const keys = await this.#document.load();
    if (keys !== undefined) return this.#explained(selectKey(keys, request));
    const { retryAfterSeconds, failure } = this.#document;
    return { status: 'unavailable', retryAfterSeconds, cause: failure?.message };
  }

  #explained(lookup: KeyLookup): KeyLookup {
    const { failure } = this.#document;
    return failure === undefined || lookup.status !== 'not_found' ? lookup : { ...lookup, cause: failure.message };
  }
}

function isMissing(lookup: KeyLookup): boolean {
  return lookup.status === 'not_found' && lookup.reason === 'no_matching_key';
}
