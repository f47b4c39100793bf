import type { JsonObject, JsonValue } from '../../protocol/json-value';
import type { Exchange } from '../exchange/exchange';
import { toText } from '../http/byte-string';
import { queryTable, type QueryValue } from '../http/query';
import { PdkError, type PdkHandlers } from './handlers';

/** Kong's `client_body_buffer_size`: a longer body lies in a file, where a plugin does not get it. */
const MAX_BODY_BYTES = 8 * 1024;
/** Kong 3.9.3: what `get_headers` and `get_query` give when not asked for more. */
const DEFAULT_LIMIT = 100;

/** `kong.request.*`: what came from the client, with what plugins have changed. */
export const requestMethods: PdkHandlers<
  | 'kong.request.get_forwarded_host'
  | 'kong.request.get_header'
  | 'kong.request.get_headers'
  | 'kong.request.get_method'
  | 'kong.request.get_path'
  | 'kong.request.get_path_with_query'
  | 'kong.request.get_query'
  | 'kong.request.get_query_arg'
  | 'kong.request.get_raw_body'
  | 'kong.request.get_raw_query'
  | 'kong.request.get_scheme'
> = {
  'kong.request.get_forwarded_host': ({ host }) => toText(host),
  'kong.request.get_header': (exchange, [name]) => textOrNull(headerOf(exchange, name)),
  'kong.request.get_headers': ({ headers }, [max = DEFAULT_LIMIT]) =>
    asObject(headers.table(checkedLimit('max_headers', max))),
  'kong.request.get_method': ({ method }) => method,
  'kong.request.get_path': ({ path }) => toText(path),
  'kong.request.get_path_with_query': ({ target }) => toText(target),
  'kong.request.get_query': ({ query }, [max = DEFAULT_LIMIT]) =>
    asObject(queryTable(query ?? '', checkedLimit('max_args', max))),
  'kong.request.get_query_arg': ({ query }, [name]) => {
    const value = queryTable(query ?? '', DEFAULT_LIMIT).get(name)?.[0] ?? null;
    return value === true ? 'true' : textOrNull(value);
  },
  'kong.request.get_raw_body': async ({ body }) => {
    const bytes = await body.read(MAX_BODY_BYTES);
    return bytes === null ? null : bytes.toString();
  },
  'kong.request.get_raw_query': ({ query }) => toText(query ?? ''),
  'kong.request.get_scheme': () => 'http',
};

/**
 * Returns a header as `kong.request.get_header` does. It asks nginx's variable `$http_…` first, and that one takes `_`
 * and `-` for the same: a client's `X_User_ID` answers for `X-User-ID`. Kong 3.9.3: kong/tools/http.lua, `get_header`.
 */
export function headerOf({ headers }: Pick<Exchange, 'headers'>, name: string): string | null {
  const variable = name.toLowerCase().replaceAll('-', '_');
  const values = headers.lines
    .filter(([given]) => given.toLowerCase().replaceAll('-', '_') === variable)
    .map(([, value]) => value);
  if (values.length === 0) return null;
  const joined = values.join(variable === 'cookie' ? '; ' : ', ');
  if (!joined.includes(', ')) return joined;
  const table = headers.table(DEFAULT_LIMIT);
  const listed = table.get(name.toLowerCase()) ?? table.get(name.toLowerCase().replaceAll('_', '-'));
  return listed?.[0] ?? null;
}

function checkedLimit(name: string, max: number): number {
  if (max >= 1 && max <= 1_000) return max;
  throw new PdkError(`${name} must be >= 1 and <= 1000`);
}

function textOrNull(bytes: string | null): string | null {
  return bytes === null ? null : toText(bytes);
}

/** A single value stays as it is, several are a list. */
function asObject(table: ReadonlyMap<string, readonly QueryValue[]>): JsonObject {
  const object = Object.create(null) as Record<string, JsonValue>;
  for (const [name, [first = '', ...others]] of table) {
    object[toText(name)] = others.length === 0 ? asJson(first) : [first, ...others].map(asJson);
  }
  return object;
}

function asJson(value: QueryValue): JsonValue {
  return value === true ? true : toText(value);
}
