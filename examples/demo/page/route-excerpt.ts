/**
 * Returns the lines of a kong.yml about one route, as they are written, with the comment above them; `undefined` when no
 * line names the route. It looks at indentation only: what it returns is for people.
 */
export function routeExcerpt(kongYml: string, route: string): string | undefined {
  const lines = kongYml.split('\n');
  const named = lines.findIndex((line, at) => nameIn(line) === route && /^\s*routes:/.test(parentOf(lines, at)));
  if (named < 0) return undefined;
  const depth = indentOf(lines[named]!);
  let start = named;
  while (start > 0 && /^\s*#/.test(lines[start - 1]!) && indentOf(lines[start - 1]!) === depth) start -= 1;
  let end = named + 1;
  while (end < lines.length && (lines[end]!.trim() === '' || indentOf(lines[end]!) > depth)) end += 1;
  const excerpt = lines.slice(start, end).map((line) => line.slice(depth));
  return excerpt.join('\n').trimEnd();
}

const indentOf = (line: string): number => line.length - line.trimStart().length;

/** The value of `name` in the first line of a list item. */
function nameIn(line: string): string | undefined {
  return /^\s*- (?:\{ *)?name: *['"]?([^'",}\s]+)/.exec(line)?.[1];
}

/** The nearest line above with less indentation. */
function parentOf(lines: readonly string[], at: number): string {
  const depth = indentOf(lines[at]!);
  return lines.slice(0, at).findLast((line) => line.trim() !== '' && indentOf(line) < depth) ?? '';
}
