/** Items of a claim that names roles, scopes or groups: whole strings only, whatever else a list may hold. */
export function stringItems(value: unknown): readonly string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string' && item !== '') : [];
}

/** Scopes of a claim: a list, or one string of words separated by blanks (RFC 8693 §4.2, RFC 9068 §2.2.3). */
export function scopeItems(value: unknown): readonly string[] {
  return separatedItems(value, 'space');
}

/** How the items of a claim are separated when it is one text. */
export type Separator = 'none' | 'space' | 'comma';

/** Items of a claim: a list of strings, or one text that holds them. Blanks after a comma do not belong to an item. */
export function separatedItems(value: unknown, separator: Separator): readonly string[] {
  if (typeof value !== 'string' || separator === 'none') return stringItems(value);
  const items = separator === 'comma' ? value.split(',').map((item) => item.trim()) : value.split(' ');
  return items.filter((item) => item !== '');
}

/** Roles or groups of a claim: as {@link separatedItems}, or the names of an object's members that are objects. */
export function roleItems(value: unknown, separator: Separator): readonly string[] {
  return isObject(value) ? grantedNames(value) : separatedItems(value, separator);
}

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * The names of members that say yes: Zitadel has an object with the organizations in each. Another value could
 * mean that a role is not granted, and so could an empty object.
 */
function grantedNames(object: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(object).filter((name) => {
    const value = object[name];
    return name !== '' && isObject(value) && Object.keys(value).length > 0;
  });
}

/** Returns a claim's value as the text of an id or a name; `undefined` for what is neither text nor a whole number. */
export function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
