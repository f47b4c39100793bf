/** A verified token's claims set, or any JSON object taken for one (RFC 7519 §4). */
export type Claims = Readonly<Record<string, unknown>>;

/** Reads one value from a claims set; `undefined` when it is not there. A JSON `null` counts as not there. */
export type ClaimSelector = (claims: Claims) => unknown;

/**
 * Returns a selector for a claim named in the configuration: a JSON Pointer when `name` starts with `/`, otherwise the
 * claim's whole name, so `https://example.com/roles` needs no escaping. Only own members are seen, so a claim named
 * `__proto__` or `constructor` is nothing special.
 *
 * @param name - checked by the schema; an invalid escape simply selects nothing
 * @see RFC 6901
 */
export function claimSelector(name: string): ClaimSelector {
  return selector(name, ownMember);
}

/**
 * Returns a selector like that of {@link claimSelector} that picks nothing from a list by its position: a rule about
 * `/roles/0` could be met by taking away the role before.
 */
export function ruleSelector(name: string): ClaimSelector {
  return selector(name, (value, token) => (Array.isArray(value) ? undefined : ownMember(value, token)));
}

function selector(name: string, member: (value: unknown, token: string) => unknown): ClaimSelector {
  if (!name.startsWith('/')) return (claims) => member(claims, name);
  const path = name
    .slice(1)
    .split('/')
    .map((token) => token.replace(/~1/g, '/').replace(/~0/g, '~'));
  return (claims) => path.reduce<unknown>(member, claims);
}

function ownMember(value: unknown, token: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  // RFC 6901 §4: an array index has no sign and no leading zero; `length` is not a member of a JSON array.
  if (Array.isArray(value) && !/^(0|[1-9]\d*)$/.test(token)) return undefined;
  return Object.hasOwn(value, token) ? ((value as Record<string, unknown>)[token] ?? undefined) : undefined;
}
