import type { JsonValue } from '../../protocol/json-value';
import type { Route, Service } from '../../kong/declarative/entities';
import type { HeaderList, HeaderTable } from '../http/header-list';
import { errorResponse, type LocalResponse } from '../http/local-response';
import type { RequestBody } from '../http/request-body';

/** An address and a port. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Status and headers of a response that is about to be sent. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
}

/** One request on its way through the gateway. Plugins change what is not readonly, and what the lists hold. */
export interface Exchange {
  /** 32 hexadecimal digits; goes to the service, to the client and into the log. */
  readonly requestId: string;
  readonly startedAtMs: number;
  readonly client: Endpoint;
  readonly listener: Endpoint;
  /** `1` or `1.1`. */
  readonly httpVersion: string;
  readonly method: string;
  /** The target of the request line as it came, but without a host: path and query. */
  readonly target: string;
  /** The target's path, normalized: what routes were matched against. */
  readonly path: string;
  /** The `Host` header in lower case and without its port; empty without one. */
  readonly host: string;
  /** Kong 3.9.3: Kong itself looks at the first 100 header lines, as they came. */
  readonly arrived: HeaderTable;
  /** The headers for the service. */
  readonly headers: HeaderList;
  readonly body: RequestBody;
  /** The query for the service, without `?`; `null` when there is not even a `?`. */
  query: string | null;
  /** The `Host` header for the service, when a plugin set one. */
  upstreamHost: string | null;
  /** The route that matched, `null` when none did. */
  readonly route: Route | null;
  readonly service: Service | null;
  /** The routes that would have taken the request without this one, in Kong's order. */
  readonly otherRoutes: readonly Route[];
  /** What the route takes off the path; see `RouteMatch`. */
  readonly prefix: string | null;
  /** Kong's `ngx.ctx`, as far as plugins fill it: `authenticated_consumer`, `authenticated_credential` and their own. */
  readonly context: Map<string, unknown>;
  /** Kong's `kong.ctx.shared`. */
  readonly shared: Map<string, JsonValue>;
  /** Headers that plugins gave to the response before there was one. */
  readonly responseHeaders: HeaderList;
  /** What plugins want to have logged: `kong.log.set_serialize_value`. */
  readonly serialized: Map<string, JsonValue>;
}

/** Returns the first value of a header as Kong itself sees it: by its name in lower case, as the request arrived. */
export function arrivedHeader({ arrived }: Pick<Exchange, 'arrived'>, name: string): string | null {
  return arrived.get(name)?.[0] ?? null;
}

/**
 * Returns an error as Kong says it to this client when nginx found it: plain text, unless the client names what it
 * accepts, or what it sends itself.
 *
 * Kong 3.9.3: kong/error_handlers.lua
 */
export function nginxErrorFor(
  { arrived, requestId }: Pick<Exchange, 'arrived' | 'requestId'>,
  status: number,
): LocalResponse {
  const liked = arrived.get('accept') ?? arrived.get('content-type') ?? ['text/plain'];
  return errorResponse(status, { accept: liked[0] ?? null, requestId });
}

/** Returns an error as Kong says it to this client. Kong's own text for the status when `message` is left out. */
export function errorFor(
  exchange: Pick<Exchange, 'arrived' | 'requestId'>,
  status: number,
  message?: string,
): LocalResponse {
  const accept = exchange.arrived.get('accept')?.join(',') ?? null;
  return errorResponse(status, { accept, requestId: exchange.requestId }, message);
}
