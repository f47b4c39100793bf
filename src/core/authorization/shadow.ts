import { authorize, type AuthorizationRules } from './authorization';
import type { Observer } from '../observer';
import { Refusal } from '../refusal/refusal';
import type { VerifiedToken } from '../verification/verified-token';

/**
 * Returns what `authorize_shadow` would have answered to a request that goes on; `undefined` when it would have let it
 * pass, or when there are no such rules. Whatever goes wrong in it stays in it: it never throws, and an error is an
 * answer like any other.
 */
export function shadowRefusal(
  token: VerifiedToken,
  method: string | undefined,
  rules: AuthorizationRules | undefined,
  observe?: Observer,
): Refusal | undefined {
  if (rules === undefined) return undefined;
  try {
    return authorize(token, method, rules, observe);
  } catch {
    return new Refusal('internal_error', 'authorize_shadow failed');
  }
}
