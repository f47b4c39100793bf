import { describeError } from '../../telemetry/describe-error';
import type { Logger } from '../../telemetry/log';
import { Refusal } from '../../core/refusal/refusal';
import type { Outcome, Policies } from './policies';
import type { Reject } from './rejection';
import type { Question } from './gateway';

/** Told how each decision ended, and how long it took, in milliseconds. */
export type DecisionObserver = (outcome: Outcome['outcome'], durationMs: number) => void;

/** What {@link PendingDecisions} needs. */
export interface PendingDecisionsOptions {
  readonly policies: Policies;
  readonly logger: Logger;
  readonly reject: Reject;
  /** A decision that takes this long refuses the request, in milliseconds. */
  readonly deadlineMs: number;
  readonly observer?: DecisionObserver | undefined;
  /** A clock that never goes back, in milliseconds. */
  readonly now?: () => number;
}

/** How much later than its deadline a decision may be refused, as a part of the deadline. */
const SWEEP_FRACTION = 1 / 20;

interface Pending {
  readonly startedAtMs: number;
  readonly fail: (reason: string) => void;
}

/** Decisions that are going on. Each ends once: as it was decided, at the deadline, or when all are failed. */
export class PendingDecisions {
  readonly #pending = new Set<Pending>();
  readonly #options: PendingDecisionsOptions;
  readonly #now: () => number;
  readonly #sweep: NodeJS.Timeout;
  #policies: Policies;

  constructor(options: PendingDecisionsOptions) {
    this.#options = options;
    this.#policies = options.policies;
    this.#now = options.now ?? ((): number => performance.now());
    this.#sweep = setInterval(() => {
      this.failOverdue();
    }, options.deadlineMs * SWEEP_FRACTION).unref();
  }

  /** How many are going on. */
  get count(): number {
    return this.#pending.size;
  }

  /** How many policies there are. */
  get policyCount(): number {
    return this.#policies.size;
  }

  /** Takes other policies for all decisions that begin from now on. */
  use(policies: Policies): void {
    this.#policies = policies;
  }

  /** Decides about a question, which a {@link Refusal} refuses. Never rejects. */
  decide(question: Question | Refusal): Promise<Outcome> {
    const { logger, reject, observer } = this.#options;
    const startedAtMs = this.#now();
    return new Promise((resolve) => {
      const settle = (outcome: Outcome): void => {
        if (!this.#pending.delete(pending)) return;
        observer?.(outcome.outcome, this.#now() - startedAtMs);
        resolve(outcome);
      };
      const request = question instanceof Refusal ? undefined : question.request;
      const pending: Pending = {
        startedAtMs,
        fail: (reason) => {
          settle(reject(new Refusal('internal_error', reason), request));
        },
      };
      this.#pending.add(pending);
      if (question instanceof Refusal) {
        settle(reject(question, request));
        return;
      }
      this.#policies.decide(question.policy, question.request).then(settle, (error: unknown) => {
        logger.log('error', 'request refused because of an unexpected error', describeError(error));
        pending.fail('not decided');
      });
    });
  }

  /** Refuses what has gone on for the deadline or longer. */
  failOverdue(): void {
    const latestStartMs = this.#now() - this.#options.deadlineMs;
    for (const pending of this.#pending) {
      if (pending.startedAtMs <= latestStartMs) pending.fail('the decision took longer than the deadline');
    }
  }

  /** Refuses everything that goes on. */
  failAll(reason: string): void {
    for (const pending of this.#pending) pending.fail(reason);
  }

  /** Ends what it does beside decisions. */
  close(): void {
    clearInterval(this.#sweep);
  }
}
