/** The door: a BFF as the only way to services (docs/BFF.md). Needs the package `yaml`. */
import { isIPv6 } from 'node:net';
import { ConfigError } from '../../../schema/config-error';
import type { Routable } from '../../kong/routing/router';
import { createLogger } from '../../telemetry/log';
import { describeError } from '../../telemetry/describe-error';
import { normalizeOrigin } from '../cross-site';
import { createGatekeeper, type Gatekeeper, type Rejection } from '../gatekeeper';
import { serviceAddress, type GuardedRoute } from './door-routes';
import { OPENED_COOKIE, openSession, type DoorSession } from './door-session';
import { createForwarder, type Forwarder } from './forward';
import { forwardTarget, gatewayTarget } from './forward-target';
import { problemResponse, type DoorProblem } from './problem';
import { requestPath } from './request-path';
import { readRoutes, type RouteSource } from './route-source';
import { adaptRedirect, keepFlowing, keepPrivate, keepUnstored, type PublicPlace } from './response-headers';

export type { DoorSession, OpenedSession } from './door-session';
export { DOOR_PROBLEMS, type DoorProblem } from './problem';
export type { PolicyRoute, RouteSource } from './route-source';
export { createForwarder, type Forwarder, type ForwardTarget, type ServiceConnection } from './forward';

/** What a request may cost. Times come from the services of the kong.yml (`connect_timeout` and so on). */
export interface DoorLimits {
  /** The longest body of a request, in bytes; 10 MiB unless given. */
  readonly maxBodyBytes: number;
  /** Method, path and header lines of a request together, in bytes; 32 KiB unless given, as in Kong. */
  readonly maxHeaderBytes: number;
}

/** How a door is made. */
export interface DoorOptions extends RouteSource {
  readonly session: DoorSession;
  /**
   * Address of a gateway that reads the same file, such as `http://10.0.0.5:8000`. All requests go there instead of to the
   * services, with their own path and the session's token as `Authorization`, and it decides again. Needs `session.open`.
   */
  readonly gateway?: string;
  /** File with the signing keys, for services that want `identity_token`. */
  readonly signingKeys?: string;
  /** Path of the login. A page that needs one is sent there, with its own path and query in `return_to`. */
  readonly loginPath?: string;
  readonly limits?: Partial<DoorLimits>;
  /**
   * Returns the address of the client, for `X-Forwarded-For`. A Web `Request` does not have it, and clients can
   * write any header; so services get no address unless this is given.
   */
  readonly clientAddress?: (request: Request) => string | undefined;
}

/** Answers requests: decides, and passes on what may pass. Never rejects. */
export interface Door {
  (request: Request): Promise<Response>;
  /** Closes the connections to services that are kept open. */
  close(): Promise<void>;
}

interface Target extends GuardedRoute {
  readonly gatekeeper: Gatekeeper;
  readonly forwarder: Forwarder;
  readonly serviceOrigin: string;
}

const DEFAULT_LIMITS: DoorLimits = { maxBodyBytes: 10 * 1024 * 1024, maxHeaderBytes: 32 * 1024 };
/** Refusals that a login can change. Any other would send the browser round in a circle. */
const CURED_BY_LOGIN: readonly string[] = ['token_missing', 'token_expired', 'token_revoked'];

const { log } = createLogger();

/**
 * Returns a door for the routes of a kong.yml: the same routes in Kong's own order, the same rules, headers and refusals;
 * or for routes whose policies are in a policies.yml.
 * A request that matches no route, or one without the plugin `jwt-identity`, is refused with 404.
 *
 * @throws ConfigError, ConfigurationError for what cannot work or cannot be meant: a file that Kong refuses, a plugin that
 *   only Kong runs, a configuration that needs Kong, a service that is not there
 */
export function createDoor(options: DoorOptions): Door {
  const { session } = options;
  const limits = limitsOf(options.limits);
  const origin = new URL(normalizeOrigin(session.origin));
  const loginPath = checkedLoginPath(options.loginPath);
  if (session.cookie !== undefined && session.open !== undefined) {
    throw new ConfigError('session', 'cookie and open exclude each other');
  }
  const gateway = options.gateway === undefined ? undefined : new URL(serviceAddress('gateway', options.gateway));
  if (gateway !== undefined && (session.open === undefined || gateway.pathname !== '/')) {
    throw new ConfigError('gateway', 'needs session.open, and a URL without a path');
  }
  const routes = readRoutes(options, origin.protocol.slice(0, -1));
  for (const { name, id } of routes.unguarded) {
    log('warn', 'the door does not serve a route without the plugin jwt-identity', { route: name ?? id });
  }
  const targets = new Map(routes.guarded.map((route) => [route.route.id, targetOf(route, options, limits)]));

  const decided = async (request: Request): Promise<Response> => {
    const url = new URL(request.url);
    const problem = headProblem(request, url, limits);
    if (problem !== undefined) return problemResponse(problem, request);
    const path = requestPath(url.pathname);
    if (path === undefined) return problemResponse('path_not_normal', request);
    const found = routes.find(targets, routable(request, path, origin));
    if (found === undefined) return problemResponse('route_unknown', request);
    const { target, prefix } = found;
    const { request: opened, token, setCookies } = await openSession(request, session);
    const decision = await target.gatekeeper.decide(opened);
    const answer = async (): Promise<Response> => {
      if (decision.outcome === 'refuse') return refused(decision, request, url, loginPath);
      const { route, service, serviceOrigin, forwarder } = target;
      const address = options.clientAddress?.(request);
      const place = { route, service, serviceOrigin, origin, address };
      const asked =
        gateway === undefined
          ? forwardTarget(request, { path, prefix }, decision, place)
          : gatewayTarget(request, decision, origin, token);
      const response = await forwarder.forward(request, asked);
      const own = gateway === undefined ? publicPlace(target, prefix) : { serviceOrigin, servicePath: '', prefix: '' };
      adaptRedirect(response.headers, own);
      if (decision.claims !== undefined) keepPrivate(response.headers);
      keepFlowing(response.headers);
      // What `open` returned is not a cookie that the browser has.
      if (session.open === undefined) addCookies(response, decision.setCookies);
      return response;
    };
    return addCookies(await answer(), setCookies);
  };

  const door = async (request: Request): Promise<Response> => {
    try {
      return await decided(request);
    } catch (error) {
      log('error', 'request refused because of an unexpected error', describeError(error));
      return problemResponse('internal_error', request);
    }
  };
  return Object.assign(door, {
    close: async () => {
      await Promise.all([...targets.values()].map(({ forwarder }) => forwarder.close()));
    },
  });
}

function limitsOf(given: Partial<DoorLimits> = {}): DoorLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const name of ['maxBodyBytes', 'maxHeaderBytes'] as const) {
    if (!Number.isSafeInteger(limits[name]) || limits[name] < 0) {
      throw new ConfigError(`limits.${name}`, 'must be a whole number of bytes');
    }
  }
  return limits;
}

function checkedLoginPath(path: string | undefined): string | undefined {
  if (path === undefined || (/^\/[^?#]*$/.test(path) && requestPath(path) !== undefined)) return path;
  throw new ConfigError('loginPath', 'must be a path such as /login');
}

function targetOf({ route, service, config }: GuardedRoute, options: DoorOptions, limits: DoorLimits): Target {
  const { session, signingKeys, gateway } = options;
  const cookie = session.open === undefined ? session.cookie : OPENED_COOKIE;
  const name = isIPv6(service.host) ? `[${service.host}]` : service.host;
  const serviceOrigin = new URL(gateway ?? `${service.protocol}://${name}:${service.port}`).origin;
  try {
    const gatekeeper = createGatekeeper(config, {
      session: { origin: session.origin, ...(cookie !== undefined && { cookie }) },
      ...(signingKeys !== undefined && { signingKeys }),
    });
    const forwarder = createForwarder({
      origin: serviceOrigin,
      connectTimeoutMs: service.connect_timeout,
      writeTimeoutMs: service.write_timeout,
      readTimeoutMs: service.read_timeout,
      retries: service.retries,
      // Kong 3.9.3 checks no certificate unless `tls_verify` says so. Here it is checked unless `tls_verify: false`.
      verifyTls: service.tls_verify !== false,
      maxBodyBytes: limits.maxBodyBytes,
    });
    return { route, service, config, gatekeeper, forwarder, serviceOrigin };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`routes ${route.name ?? route.id}`, error.message);
  }
}

function headProblem({ method, headers }: Request, url: URL, { maxHeaderBytes }: DoorLimits): DoorProblem | undefined {
  let bytes = method.length + url.pathname.length + url.search.length;
  for (const [name, value] of headers) bytes += name.length + value.length + ': \r\n'.length;
  if (bytes > maxHeaderBytes) return 'headers_too_large';
  return headers.get('upgrade')?.toLowerCase().includes('websocket') ? 'upgrade_not_supported' : undefined;
}

function routable({ method, headers, url }: Request, path: string, origin: URL): Routable {
  return {
    method,
    path,
    host: headers.get('host') ?? new URL(url).host,
    port: Number(origin.port) || (origin.protocol === 'https:' ? 443 : 80),
    headerValues: (name) => {
      const value = headers.get(name);
      return value === null ? [] : [value];
    },
  };
}

function addCookies(response: Response, values: readonly string[]): Response {
  for (const value of values) response.headers.append('set-cookie', value);
  if (values.length > 0) keepUnstored(response.headers);
  return response;
}

/** The gatekeeper's answer, or for a page that a login can open, the way there. */
function refused({ code, response }: Rejection, { method, headers }: Request, url: URL, loginPath?: string): Response {
  const isPage = method === 'GET' && headers.get('sec-fetch-mode') === 'navigate';
  if (loginPath === undefined || !isPage || !CURED_BY_LOGIN.includes(code)) return response;
  const query = new URLSearchParams({ return_to: url.pathname + url.search });
  return new Response(null, {
    status: 303,
    headers: { Location: `${loginPath}?${query.toString()}`, 'Cache-Control': 'no-store' },
  });
}

function publicPlace({ service, serviceOrigin }: Target, prefix: string | null): PublicPlace {
  const withoutSlash = (path: string | null): string => (path ?? '').replace(/\/$/, '');
  return { serviceOrigin, servicePath: withoutSlash(service.path), prefix: withoutSlash(prefix) };
}
