import type { Decision } from '../core/decision';
import { verifiedBy } from '../core/log-entry';
import { Refusal } from '../core/refusal/refusal';
import { decisionChannel, type DecisionMessage } from '../telemetry/channels';
import type { Logger } from '../telemetry/log';

/**
 * Tells log and metrics how a request ended. A door calls it once for each request, with the decision that it carries
 * out. Codes, reasons, issuer and `kid` only: nothing that a token says. Refusals are logged here at `debug`, each of
 * them; the line that operators see is {@link ./refusal-line}'s.
 */
export function reportDecision(decision: Decision, logger: Logger): void {
  const judged = decision instanceof Refusal ? decision : decision.shadow;
  const level = decision instanceof Refusal ? 'debug' : 'info';
  if (judged !== undefined && logger.isEnabled(level)) {
    const { code, reason } = judged;
    logger.log(level, decision instanceof Refusal ? 'request refused' : 'request would be refused', { code, reason });
  }
  if (decisionChannel.hasSubscribers) decisionChannel.publish(decisionMessage(decision));
}

/** Returns what metrics are told of a decision. */
export function decisionMessage(decision: Decision): DecisionMessage {
  if (decision instanceof Refusal) {
    return { outcome: 'refuse', code: decision.code, status: decision.status };
  }
  const { token, shadow } = decision;
  return {
    outcome: 'proceed',
    code: token ? 'proceed' : 'anonymous',
    status: 0,
    ...(token && verifiedBy(token)),
    ...(shadow && { shadow: shadow.code }),
  };
}
