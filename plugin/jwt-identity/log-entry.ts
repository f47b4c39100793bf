import type { Decision } from '../../src/core/decision';
import type { HandOver } from '../../src/core/policy';
import { Refusal } from '../../src/core/refusal/refusal';
import { verifiedBy } from './caller';
import type { Pdk } from './pdk';

type LogSettings = Pick<HandOver, 'logDecisions' | 'logUser'>;

/** Whether `log_decisions` asks for this one. */
export function isLogged(decision: Decision, { logDecisions }: LogSettings): boolean {
  if (logDecisions !== 'refused') return logDecisions === 'all';
  return decision instanceof Refusal || decision.shadow !== undefined;
}

/**
 * Adds a decision to what Kong's log plugins write, as `jwt_identity`: one message that nobody waits for. It holds fixed
 * words, the issuer and the key; the caller only where `log_user_claim` says so.
 */
export async function logDecision(kong: Pdk, decision: Decision, settings: LogSettings): Promise<void> {
  await kong.log.setSerializeValue('jwt_identity', logEntry(decision, settings));
}

function logEntry(decision: Decision, { logUser }: LogSettings): Readonly<Record<string, unknown>> {
  const { outcome, token } = decision;
  const user = token && logUser?.(token.claims);
  return {
    outcome,
    ...(decision instanceof Refusal
      ? { code: decision.code, reason: decision.reason, status: decision.status }
      : { code: token ? 'proceed' : 'anonymous' }),
    ...(token && verifiedBy(token)),
    ...((typeof user === 'string' || typeof user === 'number') && { user }),
    ...('shadow' in decision && { shadow: { code: decision.shadow.code, reason: decision.shadow.reason } }),
  };
}
