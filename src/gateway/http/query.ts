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

/**
 * Returns a query without the arguments of this name, in any spelling. The others stay in order and are written anew, as
 * forms are: `t` becomes `t=`, `%20` becomes `+`.
 *
 * Kong 3.9.3: `kong.service.request.clear_query_arg`, which is URLSearchParams on bytes
 */
export function withoutArgument(query: string, name: string): string {
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => /^([^=]*)=?(.*)$/s.exec(part)?.slice(1).map(unescape) ?? [])
    .filter(([found]) => found !== name)
    .map((argument) => argument.map(escape).join('='))
    .join('&');
}

/** @see WHATWG URL, application/x-www-form-urlencoded percent-encode set */
function escape(bytes: string): string {
  return bytes.replace(/[^\w*.-]/g, (char) => {
    return char === ' ' ? '+' : `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
  });
}

function unescape(bytes: string): string {
  return bytes
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}
