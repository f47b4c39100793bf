import { randomInt } from 'node:crypto';
import type { InstanceSource } from './instances';

const MAX_ID = 2 ** 31 - 1;

interface Registered {
  readonly config: string;
  lastUsedAtMs: number;
}

/**
 * The instances that Kong started and did not close, with their configurations.
 *
 * Ids begin at a random number and count up. Kong 3.9.3 remembers ids over a restart of the server; an id from before
 * must be unknown, or a request would be checked by another route's rules.
 */
export class InstanceRegistry implements InstanceSource {
  readonly #instances = new Map<number, Registered>();
  #lastId: number;

  /** @param maxId - the largest id; after it comes 1 again */
  constructor(
    private readonly now: () => number,
    private readonly maxId: number = MAX_ID,
  ) {
    this.#lastId = randomInt(maxId);
  }

  get size(): number {
    return this.#instances.size;
  }

  register(config: string): number {
    do this.#lastId = (this.#lastId % this.maxId) + 1;
    while (this.#instances.has(this.#lastId));
    this.#instances.set(this.#lastId, { config, lastUsedAtMs: this.now() });
    return this.#lastId;
  }

  find(id: number): string | undefined {
    this.markUsed([id]);
    return this.#instances.get(id)?.config;
  }

  close(id: number): void {
    this.#instances.delete(id);
  }

  /** Notes that these instances are in use. */
  markUsed(ids: readonly number[]): void {
    for (const id of ids) {
      const instance = this.#instances.get(id);
      if (instance !== undefined) instance.lastUsedAtMs = this.now();
    }
  }

  /**
   * Forgets the instances that nobody used for so long. Kong does not close what a removed route or a replaced Kong
   * worker leaves behind; an instance that is asked for again is simply started again.
   */
  dropUnused(unusedMs: number): void {
    const latestUse = this.now() - unusedMs;
    for (const [id, { lastUsedAtMs }] of this.#instances) if (lastUsedAtMs <= latestUse) this.close(id);
  }
}
