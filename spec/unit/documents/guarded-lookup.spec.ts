import { isIP } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { guardedLookup, plainLookup } from '../../../src/documents/address-guard';
import { lookUpName } from '../../../src/documents/name-lookup';

jest.mock('../../../src/documents/name-lookup');

describe('the lookup of a name', () => {
  const found = (error: Error | null, ...addresses: readonly string[]): void => {
    const list = addresses.map((address) => ({ address, family: isIP(address) }));
    jest.mocked(lookUpName).mockReturnValue(error === null ? Promise.resolve(list) : Promise.reject(error));
  };
  const look = (all: boolean): Promise<unknown[]> =>
    new Promise((resolve) => {
      guardedLookup('auth.test', { all }, (...answer) => {
        resolve(answer);
      });
    });

  it('returns every address, or the first, as it was asked', async () => {
    found(null, '::1', '127.0.0.1');
    expect(await look(true)).toEqual([
      null,
      [
        { address: '::1', family: 6 },
        { address: '127.0.0.1', family: 4 },
      ],
    ]);
    expect(await look(false)).toEqual([null, '::1', 6]);
  });

  it.each([true, false])('fails when one of several addresses is refused (all: %s)', async (all) => {
    found(null, '192.0.2.1', '169.254.169.254');
    expect(await look(all)).toEqual([new Error('the name leads to a link-local or metadata address'), []]);
  });

  it('may lead to a refused address where these are allowed', (done) => {
    found(null, '169.254.169.254');
    plainLookup('auth.test', { all: false }, (...answer) => {
      expect(answer).toEqual([null, '169.254.169.254', 4]);
      done();
    });
  });

  it('fails when there is none, or the lookup failed', async () => {
    found(null);
    expect(await look(true)).toEqual([new Error('the name has no address'), []]);
    found(new Error('ENOTFOUND'));
    expect(await look(true)).toEqual([new Error('ENOTFOUND'), []]);
  });
});
