import type { VerificationKey } from '../core/verification/key-source';
import { keySetChannel, type KeySetMessage } from '../telemetry/channels';
import type { Log } from '../telemetry/log';
import type { Clock } from '../documents/elapsed-clock';
import { someReasons } from './key-set-document';

/** Tells the log and the metrics what becomes of a key set: once a change, however often it is told the same. */
export class KeySetReport {
  #state: KeySetMessage['state'] | undefined;
  #fetchedAtMs: number | undefined;
  #skipped = '';

  constructor(
    private readonly issuer: string,
    private readonly wallClock: Clock,
    private readonly log: Log,
  ) {}

  /** Whether the set can be used. Asked for on every use, so it costs two comparisons when nothing changed. */
  state(state: KeySetMessage['state'], fetchedAtMs: number | undefined): void {
    if (state === this.#state && fetchedAtMs === this.#fetchedAtMs) return;
    if (state !== this.#state) this.#logState(state, fetchedAtMs);
    this.#state = state;
    this.#fetchedAtMs = fetchedAtMs;
    if (keySetChannel.hasSubscribers) {
      keySetChannel.publish({ issuer: this.issuer, fetchedAtMs: fetchedAtMs ?? 0, state });
    }
  }

  /** Which keys came, which went, and why others of the document are left out. */
  keys(before: readonly VerificationKey[], after: readonly VerificationKey[], skipped: readonly string[]): void {
    const added = after.filter((key) => !before.includes(key)).length;
    const removed = before.filter((key) => !after.includes(key)).length;
    if (added + removed > 0) {
      this.log('notice', 'keys changed', { issuer: this.issuer, keys: after.length, added, removed });
    }
    const reasons = someReasons(skipped);
    if (skipped.length > 0 && reasons !== this.#skipped) {
      this.log('notice', 'keys of the set are not used', { issuer: this.issuer, skipped: skipped.length, reasons });
    }
    this.#skipped = reasons;
  }

  #logState(state: KeySetMessage['state'], fetchedAtMs: number | undefined): void {
    const age = fetchedAtMs === undefined ? undefined : Math.round((this.wallClock() - fetchedAtMs) / 1000);
    const fields = { issuer: this.issuer, age_seconds: age };
    if (state === 'stale') this.log('warn', 'keys are stale and used because the provider fails', fields);
    if (state === 'unavailable') this.log('error', 'no usable keys: requests are refused with 503', fields);
    if (state === 'fresh' && this.#state !== undefined) this.log('notice', 'keys are fresh again', fields);
  }
}
