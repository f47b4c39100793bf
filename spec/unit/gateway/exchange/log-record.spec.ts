import { describe, expect, it } from '@jest/globals';
import type { ExchangeRecord } from '../../../../src/gateway/exchange/exchange-record';
import type { Exchange } from '../../../../src/gateway/exchange/exchange';
import { HeaderList } from '../../../../src/gateway/http/header-list';
import { logRecord } from '../../../../src/gateway/exchange/log-record';
import { exchangeOf } from '../../../support/exchange';
import { routesOf } from '../../../support/declared';

function recordOf(exchange: Exchange): ExchangeRecord {
  return {
    exchange,
    response: { status: 200, headers: new HeaderList([['Server', 'x']]) },
    answeredBy: { kind: 'service' },
    answer: null,
    forwarded: { path: '/7', headers: exchange.headers },
    durations: { gateway: 1, service: 2, total: 3 },
    isComplete: true,
  };
}

describe('the log record of a request', () => {
  const [route] = routesOf([{ name: 'r', paths: ['/orders'] }]);

  it("holds what Kong's serializer says, with credentials hidden", () => {
    const lines = [
      ['Authorization', 'Bearer secret'],
      ['Proxy-Authorization', 'x'],
      ['X-A', '1'],
      ['X-A', '2'],
    ] as const;
    const exchange = exchangeOf(lines, { route: route!, query: 'a=1&b', target: '/orders/7?a=1&b' });
    expect(logRecord(recordOf(exchange))).toMatchObject({
      request: {
        id: exchange.requestId,
        uri: '/orders/7?a=1&b',
        url: 'http://api.test:8000/orders/7?a=1&b',
        method: 'GET',
        querystring: { a: '1', b: true },
        headers: { authorization: 'REDACTED', 'proxy-authorization': 'REDACTED', 'x-a': ['1', '2'] },
      },
      response: { status: 200, headers: { server: 'x' } },
      upstream_uri: '/7',
      upstream_status: '200',
      latencies: { kong: 1, proxy: 2, request: 3 },
      route: { name: 'r' },
      service: { host: '127.0.0.1' },
      client_ip: '127.0.0.1',
      started_at: exchange.startedAtMs,
      source: 'upstream',
    });
  });

  it('holds what plugins added, where they wanted it', () => {
    const exchange = exchangeOf();
    exchange.serialized.set('jwt_identity.sub', 'ada');
    exchange.serialized.set('jwt_identity.roles', ['admin']);
    exchange.serialized.set('client_ip', null);
    const record = logRecord(recordOf(exchange));
    expect(record).toMatchObject({ jwt_identity: { sub: 'ada', roles: ['admin'] } });
    expect(record).not.toHaveProperty('client_ip');
  });
});
