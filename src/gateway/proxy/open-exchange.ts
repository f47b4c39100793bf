import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Exchange } from '../exchange/exchange';
import { isKept, refuseArrival, type Refusal } from '../http/arrival';
import { HeaderList } from '../http/header-list';
import { RequestBody } from '../http/request-body';
import { normalizePath, withoutQuery } from '../../kong/routing/path';
import type { RouteMatch, Router } from '../../kong/routing/router';

/** Kong 3.9.3: what Kong itself looks at is cut here. */
const LOOKED_AT = 100;
/** RFC 9112 §3.2.2: a target that names the host too. */
const ABSOLUTE_FORM = /^https?:\/\/(?<authority>[^/?#]*)(?<rest>.*)$/i;

/** A request as it came in, and why nginx would refuse it, if it would. */
export interface Arrival {
  readonly exchange: Exchange;
  readonly refusal: Refusal | null;
}

/** Returns what a request is about, with the route that it takes. */
export function openExchange(request: IncomingMessage, router: Router, nowMs: number): Arrival {
  const given = HeaderList.fromRaw(request.rawHeaders);
  const headers = new HeaderList(given.lines.filter(([name]) => isKept(name)));
  const { target, authority } = splitTarget(request.url ?? '/');
  const method = request.method ?? '';
  const hostHeader = headers.first('host');
  const refusal = refuseArrival(method, target, given) ?? refuseForm(request, target, hostHeader);
  const path = normalizePath(withoutQuery(target));
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
      httpVersion: String(Number(request.httpVersion)),
      method,
      target,
      path,
      host: hostName(authority ?? hostHeader ?? ''),
      arrived: headers.table(LOOKED_AT),
      headers,
      body: bodyOf(request, headers),
      query: target.includes('?') ? target.slice(withoutQuery(target).length + 1) : null,
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

/** RFC 9112 §3.2: HTTP/1.1 needs a Host; nginx takes a path and, of other forms, only the absolute one. */
function refuseForm({ httpVersion }: IncomingMessage, target: string, host: string | null): Refusal | null {
  if (host === null && httpVersion === '1.1') return { status: 400 };
  return target.startsWith('/') ? null : { status: 400 };
}

function splitTarget(url: string): { target: string; authority: string | null } {
  const { authority, rest = '' } = ABSOLUTE_FORM.exec(url)?.groups ?? {};
  if (authority === undefined) return { target: url, authority: null };
  return { target: rest.startsWith('/') ? rest : `/${rest}`, authority };
}

function hostName(authority: string): string {
  return authority.toLowerCase().replace(/:[0-9]*$/, '');
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
