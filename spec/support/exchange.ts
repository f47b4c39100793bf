import type { Exchange } from '../../src/gateway/exchange/exchange';
import { type HeaderLine, HeaderList } from '../../src/gateway/http/header-list';
import { RequestBody } from '../../src/gateway/http/request-body';
import { Counters } from '../../src/gateway/plugins/bundled/counters';
import type { PluginHost } from '../../src/gateway/plugins/plugin-kind';

/** Returns a request to `GET /orders/7` from 127.0.0.1 with these headers; members replace its own. */
export function exchangeOf(lines: readonly HeaderLine[] = [], members: Partial<Exchange> = {}): Exchange {
  const headers = new HeaderList(lines);
  const route = members.route ?? null;
  return {
    requestId: '0123456789abcdef0123456789abcdef',
    startedAtMs: 1_700_000_000_000,
    client: { address: '127.0.0.1', port: 40_000 },
    listener: { address: '127.0.0.1', port: 8000 },
    httpVersion: '1.1',
    method: 'GET',
    target: '/orders/7',
    path: '/orders/7',
    host: 'api.test',
    arrived: headers.table(100),
    headers,
    body: new RequestBody(null),
    query: null,
    upstreamHost: null,
    route,
    otherRoutes: [],
    service: route?.service ?? null,
    prefix: null,
    context: new Map(),
    shared: new Map(),
    responseHeaders: new HeaderList(),
    serialized: new Map(),
    ...members,
  };
}

/** What plugins get besides the request: no consumers, a log that says nothing, and a clock that stands still. */
export function pluginHost(members: Partial<PluginHost> = {}): PluginHost {
  return {
    nodeId: 'node',
    consumers: [],
    log: () => undefined,
    now: () => 1_700_000_000_000,
    counters: new Counters(),
    ...members,
  };
}
