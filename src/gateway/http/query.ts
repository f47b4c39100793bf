/** The value of an argument: `true` without a `=`. */
export type QueryValue = string | true;

/** Arguments of a query by name; all values of a name in order. */
export type QueryTable = ReadonlyMap<string, readonly QueryValue[]>;

/** Returns the first `max` arguments of a query, decoded, as nginx's Lua gives them (`ngx.req.get_uri_args`). */
export function queryTable(query: string, max: number): QueryTable {
  const table = new Map<string, QueryValue[]>();
  const parts = query.split('&').filter((part) => part !== '' && !part.startsWith('='));
  for (const part of parts.slice(0, max)) {
    const at = part.indexOf('=');
    const name = unescape(at === -1 ? part : part.slice(0, at));
    const value = at === -1 ? true : unescape(part.slice(at + 1));
    table.set(name, [...(table.get(name) ?? []), value]);
  }
  return table;
}

/** Returns a query without the arguments of this name, in any spelling; nothing else is changed. */
export function withoutArgument(query: string, name: string): string {
  const parts = query.split('&').filter((part) => unescape(part.split('=', 1)[0] ?? '') !== name);
  return parts.join('&');
}

function unescape(bytes: string): string {
  return bytes
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
