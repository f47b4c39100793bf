import { LRUCache } from 'lru-cache';
import type { Receipt } from './services/naive-service';

/** What the gateway did with a request. */
export interface Decision {
  readonly requestId: string;
  readonly method: string;
  readonly target: string;
  /** The name of the route in kong.yml; `null` when none fits. */
  readonly route: string | null;
  /** `failed`: let through, but the service gave no answer. */
  readonly outcome: 'let through' | 'refused' | 'failed';
  readonly status: number;
  /** The plugin's code for a request that was not let through. */
  readonly code: string | undefined;
  /** Why, in the words of the log. No client is told this. */
  readonly reason: string | undefined;
  /** The user of a token that was verified; `undefined` when there is none. */
  readonly user: string | undefined;
}

/** A request from its arrival at the gateway to its end. */
export interface Entry {
  readonly decision: Decision;
  /** What the service received; `undefined` when it got nothing. */
  readonly receipt: Receipt | undefined;
}

/** Requests that are remembered. */
const MAX_ENTRIES = 500;

/** Brings together what gateway and services each saw of a request, by Kong's id of it. */
export class Journal {
  readonly #receipts = new LRUCache<string, Receipt>({ max: MAX_ENTRIES });
  readonly #entries = new LRUCache<string, Entry>({ max: MAX_ENTRIES });
  readonly #waiting = new Map<string, (entry: Entry) => void>();

  /** @param onEntry - called when a request is over */
  constructor(private readonly onEntry: (entry: Entry) => void) {}

  /** Takes down what a service received. */
  received(receipt: Receipt): void {
    if (receipt.requestId !== undefined) this.#receipts.set(receipt.requestId, receipt);
  }

  /** Takes down how a request ended. */
  decided(decision: Decision): void {
    const entry = { decision, receipt: this.#receipts.get(decision.requestId) };
    this.#entries.set(decision.requestId, entry);
    this.#waiting.get(decision.requestId)?.(entry);
    this.onEntry(entry);
  }

  /** Returns a request that ended, or is just about to; `undefined` when it does not end within `timeoutMs`. */
  async find(requestId: string, timeoutMs: number): Promise<Entry | undefined> {
    const known = this.#entries.get(requestId);
    if (known !== undefined) return known;
    return new Promise((resolve) => {
      const settle = (entry: Entry | undefined): void => {
        clearTimeout(timer);
        this.#waiting.delete(requestId);
        resolve(entry);
      };
      const timer = setTimeout(settle, timeoutMs, undefined);
      this.#waiting.set(requestId, settle);
    });
  }
}
