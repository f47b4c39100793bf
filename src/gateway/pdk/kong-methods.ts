import type { JsonValue } from '../../protocol/json-value';
import type { Route as RouteMessage, Service as ServiceMessage } from '../../protocol/pdk-messages';
import type { LogLevel } from '../../telemetry/log';
import type { Route, Service } from '../../kong/declarative/entities';
import { arrivedHeader, type Exchange } from '../exchange/exchange';
import { toByteString, toText } from '../http/byte-string';
import { escapePath, upstreamPath } from '../../kong/paths/path';
import type { PdkHandlers } from './handlers';
import { throughLua } from './lua-value';

function logAt(level: LogLevel): PdkHandlers<'kong.log.info'>['kong.log.info'] {
  return ({ requestId }, parts, { log }) => {
    const text = parts.map(luaText).join('');
    const isNamed = text.includes(`request_id=${requestId}`);
    log(level, text, isNamed ? {} : { request_id: requestId });
  };
}

/** `kong.ctx`, `kong.log`, `kong.nginx`, `kong.node` and `kong.router`: what surrounds the request. */
export const kongMethods: PdkHandlers<
  | 'kong.ctx.shared.get'
  | 'kong.ctx.shared.set'
  | 'kong.log.alert'
  | 'kong.log.crit'
  | 'kong.log.debug'
  | 'kong.log.err'
  | 'kong.log.info'
  | 'kong.log.notice'
  | 'kong.log.set_serialize_value'
  | 'kong.log.warn'
  | 'kong.nginx.get_ctx'
  | 'kong.nginx.get_var'
  | 'kong.nginx.set_ctx'
  | 'kong.node.get_id'
  | 'kong.router.get_route'
  | 'kong.router.get_service'
> = {
  'kong.ctx.shared.get': ({ shared }, [name]) => shared.get(name) ?? null,
  'kong.ctx.shared.set': ({ shared }, [name, value]) => {
    shared.set(name, throughLua(value));
  },
  'kong.log.alert': logAt('error'),
  'kong.log.crit': logAt('error'),
  'kong.log.debug': logAt('debug'),
  'kong.log.err': logAt('error'),
  'kong.log.info': logAt('info'),
  'kong.log.notice': logAt('notice'),
  'kong.log.set_serialize_value': ({ serialized }, [name, value]) => {
    serialized.set(name, throughLua(value));
  },
  'kong.log.warn': logAt('warn'),
  'kong.nginx.get_ctx': ({ context }, [name]) => (context.get(name) ?? null) as JsonValue,
  'kong.nginx.get_var': (exchange, [name]) => variable(exchange, name),
  'kong.nginx.set_ctx': ({ context }, [name, value]) => {
    context.set(name, throughLua(value));
  },
  'kong.node.get_id': (_, __, { nodeId }) => nodeId,
  'kong.router.get_route': ({ route }) => (route === null ? null : routeMessage(route)),
  'kong.router.get_service': ({ service }) => (service === null ? null : serviceMessage(service)),
};

/** Returns one of nginx's variables, as far as they make sense here; others are not set. */
function variable(exchange: Exchange, name: string): string | null {
  const { requestId, client, listener, method, target, query, host, service } = exchange;
  if (name.startsWith('http_')) {
    const value = arrivedHeader(exchange, name.slice('http_'.length).replaceAll('_', '-'));
    return value === null ? null : toText(value);
  }
  const values: Readonly<Record<string, string>> = {
    request_id: requestId,
    kong_request_id: requestId,
    remote_addr: client.address,
    realip_remote_addr: client.address,
    remote_port: String(client.port),
    server_addr: listener.address,
    server_port: String(listener.port),
    request_method: method,
    request_uri: target,
    args: query ?? '',
    scheme: 'http',
    host,
    upstream_scheme: service?.protocol ?? '',
    upstream_uri: upstreamUri(exchange),
  };
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  return value === undefined ? null : toText(value);
}

/** Returns the path that the service is asked for, as bytes. Kong knows it once there is a route. */
export function upstreamUri({ path, prefix, service }: Exchange): string {
  const base = service?.path ?? null;
  return escapePath(upstreamPath(path, prefix, base === null ? null : toByteString(base)));
}

function routeMessage(route: Route): RouteMessage {
  const { name, methods, hosts, paths, tags, service } = route;
  return {
    id: route.id,
    created_at: route.created_at,
    updated_at: route.updated_at,
    ...(name === null ? {} : { name }),
    protocols: [...route.protocols],
    ...(methods === null ? {} : { methods: [...methods] }),
    ...(hosts === null ? {} : { hosts: [...hosts] }),
    ...(paths === null ? {} : { paths: [...paths] }),
    https_redirect_status_code: route.https_redirect_status_code,
    regex_priority: route.regex_priority,
    strip_path: route.strip_path,
    preserve_host: route.preserve_host,
    ...(tags === null ? {} : { tags: [...tags] }),
    ...(service === null ? {} : { service: { id: service.id } }),
  };
}

function serviceMessage(service: Service): ServiceMessage {
  const { name, path, tags } = service;
  return {
    id: service.id,
    created_at: service.created_at,
    updated_at: service.updated_at,
    ...(name === null ? {} : { name }),
    retries: service.retries,
    protocol: service.protocol,
    host: service.host,
    port: service.port,
    ...(path === null ? {} : { path }),
    connect_timeout: service.connect_timeout,
    write_timeout: service.write_timeout,
    read_timeout: service.read_timeout,
    ...(tags === null ? {} : { tags: [...tags] }),
  };
}

/** How Lua writes a value into a log. */
function luaText(value: JsonValue): string {
  const arrived = throughLua(value);
  if (arrived === null) return 'nil';
  return typeof arrived === 'object' ? JSON.stringify(arrived) : String(arrived);
}
