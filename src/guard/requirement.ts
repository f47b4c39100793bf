import { Refusal } from '../core/refusal/refusal';

/** What a request must satisfy besides coming from the gateway: `undefined` when it does. */
export type Requirement<I> = (identity: I | undefined) => Refusal | undefined;

/** Requires a caller whom the gateway verified. */
export function requireIdentity(): Requirement<unknown> {
  return (identity) => (identity === undefined ? nobody() : undefined);
}

/** Requires a caller with at least one of these roles, compared whole. */
export function requireRole(
  ...roles: readonly [string, ...string[]]
): Requirement<{ readonly roles: readonly string[] }> {
  return (identity) => {
    if (identity === undefined) return nobody();
    return identity.roles.some((role) => roles.includes(role))
      ? undefined
      : new Refusal('forbidden', 'none of the roles');
  };
}

/** Requires a caller with all of these scopes; the mapping must have `scopes`, as in `scopes: words('X-User-Scopes')`. */
export function requireScope(
  ...scopes: readonly [string, ...string[]]
): Requirement<{ readonly scopes: readonly string[] }> {
  return (identity) => {
    if (identity === undefined) return nobody();
    const isGranted = scopes.every((scope) => identity.scopes.includes(scope));
    return isGranted ? undefined : new Refusal('insufficient_scope', 'a scope is missing', { scope: scopes });
  };
}

function nobody(): Refusal {
  return new Refusal('token_missing', 'no identity');
}
