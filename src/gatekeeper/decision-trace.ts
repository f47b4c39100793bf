import type { Decision } from '../core/decision';
import type { Observer, Stage } from '../core/observer';
import type { RequestView } from '../core/request/request-view';
import { traceContextOf } from '../core/request/trace-context';
import { traceChannel, type TraceStep } from '../telemetry/channels';
import { decisionMessage } from './decision-report';

/** The step of a decision that each finding belongs to. */
const STEPS: Readonly<Record<Stage, string>> = {
  request: 'request',
  token: 'request',
  issuer: 'verification',
  header: 'verification',
  key: 'verification',
  signature: 'verification',
  claim: 'verification',
  revocation: 'revocation',
  rule: 'authorization',
  identity: 'identity',
  shadow: 'shadow',
};

/** Follows one decision for a trace. */
export interface DecisionTrace {
  /** For `decide`: findings tell where a step ends. What they say is dropped, because they quote claims. */
  readonly observe: Observer;
  /** The decision is made; what follows is told to the gateway. */
  decided(): void;
  /** Publishes the decision that was carried out, with its steps. */
  end(decision: Decision, request: RequestView | undefined, policy?: string): void;
}

/** Returns what follows a decision from now on; `undefined` when nobody listens, so that no decision costs more. */
export function beginTrace(now: () => number = nowMs): DecisionTrace | undefined {
  if (!traceChannel.hasSubscribers) return undefined;
  const startMs = now();
  const steps: TraceStep[] = [];
  const close = (name: string): void => {
    const before = steps.at(-1);
    const step = { name, startMs: before?.endMs ?? startMs, endMs: now() };
    if (before?.name === name) steps[steps.length - 1] = { ...step, startMs: before.startMs };
    else steps.push(step);
  };
  return {
    observe: (stage) => {
      close(STEPS[stage]);
    },
    decided: () => {
      close(steps.at(-1)?.name ?? 'request');
    },
    end: (decision, request, policy) => {
      const endMs = now();
      const last = steps.at(-1);
      if (decision.outcome === 'proceed' && last !== undefined && last.endMs < endMs) close('hand-over');
      const parent = traceContextOf(request?.headers);
      traceChannel.publish({
        decision: decisionMessage(decision),
        ...(policy !== undefined && { policy }),
        ...(parent !== undefined && { parent }),
        startMs,
        endMs: Math.max(endMs, steps.at(-1)?.endMs ?? endMs),
        steps,
      });
    },
  };
}

/** The time since the epoch by a clock with fractions of a millisecond, which does not jump within a decision. */
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}
