import { afterEach, describe, expect, it } from '@jest/globals';
import type { Listening } from '../../../examples/demo/listen';
import { isIdentityHeader, type Receipt, startNaiveService } from '../../../examples/demo/services/naive-service';
import { ORDERS_PAGES } from '../../../examples/demo/services/shop';

describe('a naive service', () => {
  let service: Listening;
  let receipts: Receipt[];
  let strangers: string[];
  const start = async (gatewayAddress: string): Promise<void> => {
    receipts = [];
    strangers = [];
    service = await startNaiveService({
      name: 'orders',
      port: 0,
      pages: ORDERS_PAGES,
      gatewayAddress,
      onReceipt: (receipt) => receipts.push(receipt),
      onStranger: (address) => strangers.push(address),
    });
  };
  afterEach(() => service.stop());
  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${service.port}${path}`, { headers });

  it('believes what it is told', async () => {
    await start('127.0.0.1');
    const told = { 'X-User-ID': 'bob', 'X-User-Roles': 'user,support', 'X-User-Name': 'Bob%20%C3%85str%C3%B6m' };
    const response = await get('/orders?x=1', told);
    await expect(response.json()).resolves.toMatchObject({ greeting: 'Your orders, Bob Åström.' });
    expect(receipts).toMatchObject([{ service: 'orders', method: 'GET', target: '/orders?x=1' }]);
    expect(receipts[0]?.headers).toContainEqual(['X-User-Roles', 'user,support']);
  });

  it('resets a connection from anywhere but the gateway, and reads nothing from it', async () => {
    await start('127.0.0.2');
    const failure: unknown = await get('/orders', { 'X-User-ID': 'carol' }).catch((error: unknown) => error);
    expect(failure).toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(receipts).toEqual([]);
    expect(new Set(strangers)).toEqual(new Set(['127.0.0.1']));
  });

  it('answers 404 where it has nothing', async () => {
    await start('127.0.0.1');
    expect((await get('/__proto__')).status).toBe(404);
    expect((await get('/constructor')).status).toBe(404);
  });

  it('knows an identity header in every spelling', () => {
    for (const name of ['X-User-ID', 'x_user_id', 'X.User.Roles']) expect(isIdentityHeader(name)).toBe(true);
    for (const name of ['X-Username', 'User-Agent', 'X-Forwarded-For']) expect(isIdentityHeader(name)).toBe(false);
  });
});
