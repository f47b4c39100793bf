/**
 * Returns the one name that every spelling of a header collapses to: lower case, and `-` for whatever is not a letter
 * or a digit. Kong lets `X_User_ID` through beside `X-User-ID` (Kong 3.9.3: `underscores_in_headers on`), and CGI, WSGI,
 * Rack and PHP hand both to an application as the same variable, so the two must count as one header. Folding more than
 * the underscore costs nothing and covers servers that fold more.
 */
export function foldHeaderName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '-');
}

/**
 * Returns a test whether a folded header name is covered by one of `patterns`: names, or beginnings of names that end
 * in `*`, in any spelling. The test takes names from {@link foldHeaderName} and nothing else.
 */
export function headerPatternMatcher(patterns: readonly string[]): (foldedName: string) => boolean {
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((p) => foldHeaderName(p.slice(0, -1)));
  const names = new Set(patterns.filter((pattern) => !pattern.endsWith('*')).map(foldHeaderName));
  return (foldedName) => names.has(foldedName) || prefixes.some((prefix) => foldedName.startsWith(prefix));
}
