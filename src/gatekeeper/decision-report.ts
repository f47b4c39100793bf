import type { Decision } from '../core/decision';
import { verifiedBy } from '../core/log-entry';
import { Refusal } from '../core/refusal/refusal';
import { decisionChannel, type DecisionMessage, routeDecisionChannel } from '../telemetry/channels';
import type { Logger } from '../telemetry/log';

/**
 * Tells log and metrics how a request ended. A door calls it once for each request, with the decision that it carries
 * out. Codes, reasons, issuer and `kid` only: nothing that a token says. Refusals are logged here at `debug`, each of
 * them; the line that operators see is {@link ./refusal-line}'s.
 *
 * @param policy - its name, where a door knows policies by name
 */
export function reportDecision(decision: Decision, logger: Logger, policy?: string): void {
  const isRefused = decision instanceof Refusal;
  const level = isRefused ? 'debug' : 'info';
  if (logger.isEnabled(level)) {
    const tell = (message: string, judged: Refusal | undefined): void => {
      if (judged !== undefined) logger.log(level, message, { code: judged.code, reason: judged.reason });
    };
    if (isRefused) tell('request refused', decision);
    else {
      tell('cookie ignored', decision.ignored);
      tell('request would be refused', decision.shadow);
    }
  }
  if (!decisionChannel.hasSubscribers) return;
  const message = decisionMessage(decision);
  decisionChannel.publish(message);
  const { outcome, code } = message;
  if (policy !== undefined) routeDecisionChannel.publish({ route: policy, outcome, code, count: 1 });
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
