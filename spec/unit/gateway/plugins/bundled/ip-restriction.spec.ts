import { describe, expect, it } from '@jest/globals';
import type { LocalResponse } from '../../../../../src/gateway/http/local-response';
import { bundled } from '../../../../support/bundled';
import type { Given } from '../../../../support/declared';
import { exchangeOf } from '../../../../support/exchange';

async function answer(config: Given, address: string): Promise<LocalResponse | null> {
  const exchange = exchangeOf([['X-Forwarded-For', '10.0.0.1']], { client: { address, port: 1 } });
  return (await bundled('ip-restriction', config).access?.(exchange)) ?? null;
}

describe('ip-restriction', () => {
  it.each([
    [{ allow: ['127.0.0.1'] }, '127.0.0.1', true],
    [{ allow: ['127.0.0.1'] }, '127.0.0.2', false],
    [{ allow: ['10.0.0.0/8', '::1'] }, '::1', true],
    [{ allow: ['10.0.0.0/8'] }, '10.255.0.1', true],
    [{ allow: ['10.0.0.0/8'] }, '::1', false],
    [{ allow: ['2001:db8::/32'] }, '2001:db8::5', true],
    [{ allow: ['0.0.0.0/0'] }, '::1', false],
    [{ deny: ['127.0.0.0/8'] }, '127.9.9.9', false],
    [{ deny: ['127.0.0.0/8'] }, '128.0.0.1', true],
    [{ allow: ['127.0.0.0/8'], deny: ['127.0.0.1'] }, '127.0.0.1', false],
  ] as [Given, string, boolean][])('%j for %s: passes %s', async (config, address, passes) => {
    expect((await answer(config, address)) === null).toBe(passes);
  });

  it('answers as configured', async () => {
    const response = await answer({ deny: ['127.0.0.1'], status: 404, message: 'not here' }, '127.0.0.1');
    expect(response?.status).toBe(404);
    expect(JSON.parse(response!.body.toString())).toMatchObject({ message: 'not here' });
  });
});
