import { randomUUID } from 'node:crypto';
import { DEFAULT_REALM } from '../../core/policy';
import type { Refusal } from '../../core/refusal/refusal';
import { type Challenge, type HttpAnswer, refusalResponse, responseForm } from '../../core/refusal/refusal-response';
import type { RequestView } from '../../core/request/request-view';
import { traceIdOf } from '../../core/request/trace-context';
import { reportDecision } from '../../gatekeeper/decision-report';
import { createRefusalLog } from '../../gatekeeper/refusal-line';
import type { Logger } from '../../telemetry/log';

/** A request that is refused, with the answer for its client. */
export interface Rejection {
  readonly outcome: 'refuse';
  readonly response: HttpAnswer;
}

/** About which policy a refusal is. */
export interface RejectionContext {
  readonly policy: string;
  /** Without it, that of a configuration that says nothing. */
  readonly challenge?: Challenge;
}

/** Returns the answer for a refusal, and tells log and metrics. The answer has an id that finds the line in the log. */
export type Reject = (
  refusal: Refusal,
  request: Pick<RequestView, 'headers'> | undefined,
  context?: RejectionContext,
) => Rejection;

/** How a request is refused when it is not known which policy it is about. */
const WITHOUT_POLICY: Challenge = { realm: DEFAULT_REALM };

/** Returns what refuses requests. Make one for each process: it bounds the lines in the log. */
export function createReject(logger: Logger): Reject {
  const logRefusal = createRefusalLog(logger.log);
  return (refusal, request, context) => {
    const requestId = randomUUID();
    const traceId = traceIdOf(request?.headers);
    // A policy that is not known has no challenge, and a name that anybody may have written.
    reportDecision(refusal, logger, context?.challenge && context.policy);
    logRefusal(refusal, { request_id: requestId, trace_id: traceId, policy: context?.policy });
    const form = request === undefined ? 'problem' : responseForm(request.headers);
    const challenge = context?.challenge ?? WITHOUT_POLICY;
    return { outcome: 'refuse', response: refusalResponse(refusal, challenge, { requestId, traceId }, form) };
  };
}
