import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Exchange } from '../exchange/exchange';
import { isKept, refuseArrival, type Refusal } from '../http/arrival';
import { HeaderList } from '../http/header-list';
import { RequestBody } from '../http/request-body';
import { hostName, parseTarget, type RequestTarget } from '../http/request-target';
import { normalizePath } from '../../kong/paths/path';
import type { RouteMatch, Router } from '../../kong/routing/router';

/** Kong 3.9.3: what Kong itself looks at is cut here. */
const LOOKED_AT = 100;
/** What is known of a target that nginx refuses. */
const NO_TARGET: Omit<RequestTarget, 'origin'> = { authority: null, path: '/', query: null };
const BAD_TARGET: Refusal = { status: 400 };

/** A request as it came in, and why nginx would refuse it, if it would. */
export interface Arrival {
  readonly exchange: Exchange;
  readonly refusal: Refusal | null;
}

/** Returns what a request is about, with the route that it takes. */
export function openExchange(request: IncomingMessage, router: Router, nowMs: number): Arrival {
  const given = HeaderList.fromRaw(request.rawHeaders);
  const headers = new HeaderList(given.lines.filter(([name]) => isKept(name)));
  const { url = '/', method = '', httpVersion } = request;
  const parsed = parseTarget(url);
  const { origin, authority, path: rawPath, query } = parsed ?? { ...NO_TARGET, origin: url };
  const hostHeader = headers.first('host');
  const refusal =
    refuseArrival({ method, target: url, httpVersion, headers: given }) ?? (parsed === null ? BAD_TARGET : null);
  const path = normalizePath(rawPath);
  const { socket } = request;
  const listener = { address: plainAddress(socket.localAddress), port: socket.localPort ?? 0 };
  const match =
    refusal === null ? route(router, { method, path, host: hostHeader, port: listener.port, headers }) : null;
  return {
    refusal,
    exchange: {
      requestId: randomBytes(16).toString('hex'),
      startedAtMs: nowMs,
      client: { address: plainAddress(socket.remoteAddress), port: socket.remotePort ?? 0 },
      listener,
      // Kong 3.9.3: a number, so HTTP/1.0 is `1` in `Via`.
      httpVersion: String(Number(httpVersion)),
      method,
      target: origin,
      path,
      host: hostName(authority ?? hostHeader ?? ''),
      arrived: headers.table(LOOKED_AT),
      headers,
      body: bodyOf(request, headers),
      query,
      upstreamHost: null,
      route: match?.route ?? null,
      service: match?.route.service ?? null,
      otherRoutes: match?.others ?? [],
      prefix: match?.prefix ?? null,
      context: new Map(),
      shared: new Map(),
      responseHeaders: new HeaderList(),
      serialized: new Map(),
    },
  };
}

function route(
  router: Router,
  request: { method: string; path: string; host: string | null; port: number; headers: HeaderList },
): RouteMatch | null {
  const table = request.headers.table(LOOKED_AT);
  return router({ ...request, headerValues: (name) => table.get(name) ?? [] });
}

/** An IPv4 client of a listener for both families is shown as IPv4, as in Kong, which listens for each apart. */
function plainAddress(address = ''): string {
  return address.replace(/^::ffff:/i, '');
}

function bodyOf(request: IncomingMessage, headers: HeaderList): RequestBody {
  if (headers.first('transfer-encoding') !== null) return new RequestBody(request);
  const bytes = Number(headers.first('content-length') ?? 0);
  return bytes > 0 ? new RequestBody(request, bytes) : new RequestBody(null);
}
