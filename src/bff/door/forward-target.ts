import type { Route, Service } from '../../kong/declarative/entities';
import { escapePath, upstreamPath } from '../../kong/paths/path';
import type { Admission } from '../gatekeeper';
import type { ForwardTarget } from './forward';

/** The path of a request that was routed, as byte strings. */
export interface RoutedPath {
  readonly path: string;
  /** What the route takes off it; `null` when it keeps the path. */
  readonly prefix: string | null;
}

/** Between whom a request passes. */
export interface ForwardPlace {
  readonly route: Pick<Route, 'preserve_host'>;
  readonly service: Pick<Service, 'path'>;
  readonly serviceOrigin: string;
  /** Origin of the door, as browsers see it. */
  readonly origin: URL;
  /** Address of the client, if it is known. */
  readonly address: string | undefined;
}

/**
 * Returns what a service is asked. What it is told about the connection is what the door knows: its own origin and path,
 * and the client's address where somebody vouches for it. Nothing of that comes from the browser's headers, which may say
 * anything.
 *
 * Kong 3.9.3 sends the same headers: kong/runloop/handler.lua, `access.after`.
 */
export function forwardTarget(
  request: Request,
  { path, prefix }: RoutedPath,
  { forwardedHeaders, search }: Admission,
  { route, service, serviceOrigin, origin, address }: ForwardPlace,
): ForwardTarget {
  const base = service.path === null ? null : Buffer.from(service.path).toString('latin1');
  const headers = new Headers(forwardedHeaders);
  const own: Readonly<Record<string, string | undefined>> = {
    host: route.preserve_host ? origin.host : new URL(serviceOrigin).host,
    via: [request.headers.get('via'), '1.1 jwt-identity'].filter(Boolean).join(', '),
    'x-forwarded-proto': origin.protocol.slice(0, -1),
    'x-forwarded-host': origin.host,
    'x-forwarded-port': origin.port || (origin.protocol === 'https:' ? '443' : '80'),
    'x-forwarded-path': new URL(request.url).pathname,
    'x-forwarded-prefix': prefix === null || prefix === '/' ? undefined : escapePath(prefix),
    'x-forwarded-for': address,
    'x-real-ip': address,
  };
  for (const [name, value] of Object.entries(own)) if (value !== undefined) headers.set(name, value);
  return { path: escapePath(upstreamPath(path, prefix, base)) + search, headers };
}

/**
 * Returns what a gateway is asked that reads the same file and decides again: the path as it came, and the caller's token.
 *
 * @param token - of the session; without one, the request keeps its own `Authorization`
 */
export function gatewayTarget(
  request: Request,
  { forwardedHeaders, search }: Admission,
  origin: URL,
  token: string | undefined,
): ForwardTarget {
  const headers = new Headers(forwardedHeaders);
  headers.set('host', origin.host);
  const authorization = token === undefined ? request.headers.get('authorization') : `Bearer ${token}`;
  if (authorization !== null) headers.set('authorization', authorization);
  return { path: new URL(request.url).pathname + search, headers };
}
