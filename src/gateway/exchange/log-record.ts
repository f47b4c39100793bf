import type { JsonValue } from '../../protocol/json-value';
import type { Exchange } from './exchange';
import type { ExchangeRecord } from './exchange-record';
import { toText } from '../http/byte-string';
import type { HeaderList } from '../http/header-list';
import { queryTable } from '../http/query';
import { identityOf } from '../pdk/identity-methods';
import { upstreamUri } from '../pdk/kong-methods';

/** Kong 3.9.3: `get_headers` and `get_query` are cut here. */
const LIMIT = 100;
const HIDDEN = ['authorization', 'proxy-authorization'];

type Members = Record<string, unknown>;

/**
 * Returns what Kong's logging plugins write about a request: its basic serializer with the values that plugins added
 * (`kong.log.set_serialize_value`). Sizes in bytes and the list of tries are not in it.
 *
 * Kong 3.9.3: kong/pdk/log.lua, `serialize`
 *
 * @throws Error when a plugin's value cannot stand where it wants to
 */
export function logRecord(record: ExchangeRecord): Readonly<Members> {
  const { exchange, response, answeredBy, forwarded, durations } = record;
  const { route, service, client, listener } = exchange;
  const { credential } = identityOf(exchange);
  const root: Members = {
    request: {
      id: exchange.requestId,
      uri: toText(exchange.target),
      url: toText(`http://${exchange.host}:${listener.port}${exchange.target}`),
      querystring: asObject(queryTable(exchange.query ?? '', LIMIT)),
      method: exchange.method,
      headers: redacted(exchange),
    },
    upstream_uri: toText(forwarded?.path ?? (route === null ? '' : upstreamUri(exchange))),
    upstream_status: answeredBy.kind === 'service' ? String(response.status) : '',
    response: { status: response.status, headers: headerObject(response.headers) },
    latencies: { kong: durations.gateway, proxy: durations.service, request: durations.total, receive: 0 },
    ...(credential === null ? {} : { authenticated_entity: credential }),
    ...(route === null ? {} : { route: { ...route, service: service === null ? null : { id: service.id } } }),
    ...(service === null ? {} : { service }),
    ...(exchange.context.get('authenticated_consumer')
      ? { consumer: exchange.context.get('authenticated_consumer') }
      : {}),
    client_ip: client.address,
    started_at: exchange.startedAtMs,
    source: { service: 'upstream', plugin: 'exit', gateway: 'kong' }[answeredBy.kind],
  };
  for (const [key, value] of exchange.serialized) setAt(root, key, value);
  return root;
}

/** Puts a value where a key with dots says, making objects on the way. */
function setAt(root: Members, key: string, value: JsonValue): void {
  const [last = '', ...before] = key.split('.').reverse();
  let node = root;
  for (const name of before.reverse()) {
    node[name] ??= {};
    const next = node[name];
    if (typeof next !== 'object') throw new Error(`the key '${key}' could not be used as a serialize value`);
    node = next as Members;
  }
  if (value === null) Reflect.deleteProperty(node, last);
  else node[last] = value;
}

/** A token in a log would be as good as a token: Kong hides the headers that carry one as a rule. */
function redacted({ headers }: Exchange): Members {
  const object = headerObject(headers);
  for (const name of HIDDEN) if (Object.hasOwn(object, name)) object[name] = 'REDACTED';
  return object;
}

function headerObject(headers: HeaderList): Members {
  return asObject(headers.table(LIMIT));
}

function asObject(table: ReadonlyMap<string, readonly (string | true)[]>): Members {
  const object = Object.create(null) as Members;
  for (const [name, values] of table) {
    const given = values.map((value) => (value === true ? true : toText(value)));
    object[toText(name)] = given.length === 1 ? given[0] : given;
  }
  return object;
}
