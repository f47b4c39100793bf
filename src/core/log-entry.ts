import { callerOf, type Decision } from './decision';
import type { HandOver } from './hand-over';
import { Refusal } from './refusal/refusal';
import type { VerifiedToken } from './verification/verified-token';

/**
 * Returns what log plugins write about a decision, or `undefined` when `log_decisions` does not ask for it. It holds
 * fixed words, the issuer, the tenant and the key. The caller is in it only where `log_user_claim` says so.
 */
export function logEntry(
  decision: Decision,
  { logDecisions, logUser }: Pick<HandOver, 'logDecisions' | 'logUser'>,
): Readonly<Record<string, unknown>> | undefined {
  const isRefused = decision instanceof Refusal;
  const { shadow, ignored } = isRefused ? {} : decision;
  const isNoted = isRefused || shadow !== undefined || ignored !== undefined;
  const isLogged = logDecisions === 'all' || (logDecisions === 'refused' && isNoted);
  if (!isLogged) return undefined;
  const token = callerOf(decision);
  const user = token && logUser?.(token);
  return {
    outcome: decision.outcome,
    ...(isRefused
      ? { code: decision.code, reason: decision.reason, status: decision.status }
      : { code: token ? 'proceed' : 'anonymous' }),
    ...(token && verifiedBy(token)),
    ...(token?.caller.tenant !== undefined && { tenant: token.caller.tenant }),
    ...((typeof user === 'string' || typeof user === 'number') && { user }),
    ...(ignored !== undefined && { ignored: { code: ignored.code, reason: ignored.reason } }),
    ...(shadow !== undefined && { shadow: { code: shadow.code, reason: shadow.reason } }),
  };
}

/** Which issuer and which of its keys vouched for a caller; never the caller. Both come from the configuration side. */
export function verifiedBy({ issuer, key }: VerifiedToken): { readonly issuer: string; readonly kid?: string } {
  return { issuer: issuer.issuer, ...(key.kid !== null && { kid: key.kid }) };
}
