import type { Exchange, ResponseHead } from '../exchange/exchange';
import { HeaderList } from '../http/header-list';
import type { LocalResponse } from '../http/local-response';
import { PRODUCT } from '../product';
import type { ServiceResponse } from './service-client';

/** Headers of the service's connection, or that nginx keeps for itself. */
const NOT_PASSED = [
  'Connection',
  'Keep-Alive',
  'Trailer',
  'Transfer-Encoding',
  'X-Accel-Buffering',
  'X-Accel-Charset',
  'X-Accel-Expires',
  'X-Accel-Limit-Rate',
  'X-Accel-Redirect',
  'X-Pad',
];

/**
 * Returns the head of a service's response before the plugins see it. As in Kong, what plugins set before there was a
 * response stands beside what the service says.
 */
export function headFromService(exchange: Exchange, { status, headers, upgraded }: ServiceResponse): ResponseHead {
  const own = new HeaderList(headers.lines);
  // A client that asked for a WebSocket looks for `Upgrade` in the answer, which its `Connection` names.
  for (const name of options(own.values('connection'))) if (name !== 'upgrade') own.remove(name);
  for (const name of NOT_PASSED) own.remove(name);
  if (upgraded === null) own.remove('Upgrade');
  return { status, headers: new HeaderList([...exchange.responseHeaders.lines, ...own.lines]) };
}

/** Returns the head of a response that a plugin or the gateway gives, before the plugins' header_filter. */
export function headFromHere(exchange: Exchange, { status, headers, body }: LocalResponse): ResponseHead {
  const all = new HeaderList(exchange.responseHeaders.lines);
  const names = new Set(headers.map(([name]) => name));
  for (const name of names) {
    all.set(
      name,
      headers.filter(([given]) => given === name).map(([, value]) => value),
    );
  }
  all.set('Content-Length', [String(body.length)]);
  return { status, headers: all };
}

/** Adds what Kong says about itself, once the plugins have run. Durations are in milliseconds. */
export function addOwnHeaders(
  { headers }: ResponseHead,
  requestId: string,
  durations: { readonly gateway: number; readonly service: number },
): void {
  if (durations.service < 0) {
    headers.set('X-Kong-Response-Latency', [String(durations.gateway)]);
    headers.set('Server', [PRODUCT]);
  } else {
    headers.set('X-Kong-Upstream-Latency', [String(durations.service)]);
    headers.set('X-Kong-Proxy-Latency', [String(durations.gateway)]);
    const before = headers.first('via');
    headers.set('Via', [before === null ? `1.1 ${PRODUCT}` : `${before}, 1.1 ${PRODUCT}`]);
    if (headers.first('server') === null) headers.set('Server', [PRODUCT]);
  }
  headers.set('X-Kong-Request-Id', [requestId]);
  const type = headers.first('content-type');
  if (type !== null && CHARSET_TYPES.includes(type.toLowerCase())) {
    headers.set('Content-Type', [`${type}; charset=UTF-8`]);
  }
}

/** Kong 3.9.3: nginx's `charset UTF-8` applies to these types, also to bodies of services, unless a charset is named. */
const CHARSET_TYPES = [
  'application/javascript',
  'application/rss+xml',
  'text/html',
  'text/plain',
  'text/vnd.wap.wml',
  'text/xml',
];

function options(values: readonly string[]): string[] {
  return values
    .join()
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
