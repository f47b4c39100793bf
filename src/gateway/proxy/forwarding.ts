import { isIPv6 } from 'node:net';
import type { Service } from '../../kong/declarative/entities';
import { arrivedHeader, type Exchange } from '../exchange/exchange';
import { toByteString } from '../http/byte-string';
import { HeaderList } from '../http/header-list';
import { PRODUCT } from '../product';
import { escapePath, upstreamPath, withoutQuery } from '../../kong/paths/path';

/** What the service is asked. */
export interface ServiceRequest {
  readonly service: Service;
  readonly method: string;
  readonly path: string;
  /** Everything but what says how the body is framed. */
  readonly headers: HeaderList;
  /** Whether the client wants the connection to become a WebSocket. */
  readonly isUpgrade: boolean;
}

/** Headers that nginx replaces or leaves out, whatever the client or a plugin said. */
const NGINX_HEADERS = [
  'Connection',
  'Content-Length',
  'Expect',
  'Host',
  'Keep-Alive',
  'TE',
  'Trailer',
  'Transfer-Encoding',
  'Upgrade',
  'Via',
  'X-Forwarded-For',
  'X-Forwarded-Host',
  'X-Forwarded-Path',
  'X-Forwarded-Port',
  'X-Forwarded-Prefix',
  'X-Forwarded-Proto',
  'X-Kong-Request-Id',
  'X-Real-IP',
];

/**
 * Returns what the service is asked once all plugins have run.
 *
 * Kong 3.9.3: headers that the client's `Connection` names are removed now, also those that a plugin has just set.
 * kong/runloop/handler.lua, `access.after`; kong/templates/nginx_kong.lua
 */
export function serviceRequest(exchange: Exchange, service: Service): ServiceRequest {
  const isUpgrade = arrivedHeader(exchange, 'upgrade')?.toLowerCase() === 'websocket';
  const headers = new HeaderList(exchange.headers.lines);
  for (const name of connectionOptions(exchange)) if (name !== 'upgrade') headers.remove(name);
  for (const name of ['Proxy', 'Proxy-Connection', ...NGINX_HEADERS]) headers.remove(name);
  const named: [name: string, value: string | null][] = [
    ['Host', upstreamHost(exchange, service)],
    ['Connection', isUpgrade ? 'keep-alive, Upgrade' : 'keep-alive'],
    ['Upgrade', isUpgrade ? 'websocket' : null],
    ['TE', wantsTrailers(exchange) ? 'trailers' : null],
    ['Via', [arrivedHeader(exchange, 'via'), `${exchange.httpVersion} ${PRODUCT}`].filter(Boolean).join(', ')],
    ...forwardedHeaders(exchange),
    ['X-Real-IP', exchange.client.address],
    ['X-Kong-Request-Id', exchange.requestId],
  ];
  const lines = named.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]));
  return {
    service,
    method: exchange.method,
    path: pathWithQuery(exchange, service),
    headers: new HeaderList([...lines, ...headers.lines]),
    isUpgrade,
  };
}

/** Nobody before this gateway is believed, as with Kong's default of no `trusted_ips`. */
function forwardedHeaders(exchange: Exchange): [name: string, value: string | null][] {
  const { client, listener, host, target, prefix } = exchange;
  const before = arrivedHeader(exchange, 'x-forwarded-for');
  return [
    ['X-Forwarded-For', before === null ? client.address : `${before}, ${client.address}`],
    ['X-Forwarded-Proto', 'http'],
    // Kong 3.9.3: nginx's name of the server where the client names no host.
    ['X-Forwarded-Host', host === '' ? 'kong' : host],
    ['X-Forwarded-Port', String(listener.port)],
    ['X-Forwarded-Path', withoutQuery(target)],
    ['X-Forwarded-Prefix', prefix === '/' ? null : prefix],
  ];
}

/** Kong 3.9.3: only the first `Connection` line counts, and one of these alone names no header. */
function connectionOptions(exchange: Exchange): string[] {
  const value = arrivedHeader(exchange, 'connection')?.toLowerCase() ?? '';
  if (['close', 'upgrade', 'keep-alive'].includes(value)) return [];
  return value
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

function wantsTrailers(exchange: Exchange): boolean {
  const codings = arrivedHeader(exchange, 'te')?.toLowerCase().split(',') ?? [];
  return codings.some((coding) => coding.trim() === 'trailers');
}

/** Kong 3.9.3: kong/runloop/balancer/init.lua, `set_host_header`. */
function upstreamHost({ upstreamHost: set, route, arrived }: Exchange, { protocol, host, port }: Service): string {
  const preserved = route?.preserve_host === true ? arrived.get('host')?.[0] : undefined;
  if (set !== null) return set;
  if (preserved !== undefined) return preserved;
  const name = isIPv6(host) ? `[${host}]` : host;
  const isDefault = port === (protocol === 'https' ? 443 : 80);
  return isDefault ? name : `${name}:${port}`;
}

function pathWithQuery({ path, prefix, query }: Exchange, service: Service): string {
  const base = service.path === null ? null : toByteString(service.path);
  const escaped = escapePath(upstreamPath(path, prefix, base));
  return query === null ? escaped : `${escaped}?${query}`;
}
