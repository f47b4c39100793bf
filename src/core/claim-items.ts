/** Items of a claim that names roles, scopes or groups: whole strings only, whatever else a list may hold. */
export function stringItems(value: unknown): readonly string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string' && item !== '') : [];
}

/** Scopes of a claim: a list, or one string of words separated by blanks (RFC 8693 §4.2, RFC 9068 §2.2.3). */
export function scopeItems(value: unknown): readonly string[] {
  return typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : stringItems(value);
}
