import type { EventFailure, PhaseEvent } from './event';

/**
 * Every event that is going on, in the order of their start, with one clock for the deadlines of all: nothing is
 * scheduled for each event.
 */
export class LiveEvents {
  readonly #startedAtMs = new Map<PhaseEvent, number>();

  constructor(
    private readonly deadlineMs: number,
    private readonly now: () => number,
  ) {}

  /** Events that are going on. */
  get size(): number {
    return this.#startedAtMs.size;
  }

  add(event: PhaseEvent): void {
    this.#startedAtMs.set(event, this.now());
  }

  /** How long an event has been going on, in milliseconds. */
  age(event: PhaseEvent): number {
    const now = this.now();
    return now - (this.#startedAtMs.get(event) ?? now);
  }

  /** Forgets an event that is over. */
  delete(event: PhaseEvent): void {
    this.#startedAtMs.delete(event);
  }

  /** Refuses the requests of all events that have run for the deadline or longer. */
  failOverdue(): void {
    const latestStart = this.now() - this.deadlineMs;
    for (const [event, startedAtMs] of this.#startedAtMs) {
      // Oldest first: what follows started later.
      if (startedAtMs > latestStart) return;
      event.fail({ reason: 'the plugin took longer than the deadline' });
    }
  }

  /** Refuses the requests of all events. */
  failAll(failure: EventFailure): void {
    for (const event of this.#startedAtMs.keys()) event.fail(failure);
  }
}
