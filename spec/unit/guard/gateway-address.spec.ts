import { describe, expect, it } from '@jest/globals';
import { gatewayAddresses } from '../../../src/guard/gateway-address';

const from = (remoteAddress: string | undefined, ...ranges: readonly string[]): unknown => {
  const socket = remoteAddress === undefined ? undefined : { remoteAddress };
  return gatewayAddresses(ranges)({ method: 'GET', path: '/', headers: () => [], socket });
};

describe('the addresses of the gateway', () => {
  it.each([
    ['10.1.2.3', '10.1.0.0/16'],
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.0.0/16'],
    ['fd00::7', 'fd00::/64'],
    ['fd00::7', 'fd00:0::7'],
    ['fe80::7%eth0', 'fe80::/64'],
  ])('have %s in %s', (address, range) => {
    expect(from(address, '192.0.2.1', range)).toBeUndefined();
  });

  it.each([
    ['10.2.2.3', '10.1.0.0/16'],
    ['10.1.2.4', '10.1.2.3'],
    ['::ffff:10.2.2.3', '10.1.0.0/16'],
    ['fd01::7', 'fd00::/64'],
    ['fd00:0:0:1::7', 'fd00::/64'],
    ['fd00::8', 'fd00::7'],
    ['::1', '127.0.0.0/8'],
    ['junk', '10.0.0.0/8'],
    ['', '10.0.0.0/8'],
    [undefined, '10.0.0.0/8'],
  ])('do not have %s in %s', (address, range) => {
    expect(from(address, range)).toMatchObject({ code: 'not_from_gateway' });
  });

  it.each(['10.1', '010.0.0.1', '10.0.0.0/33', 'gateway', '', '0.0.0.0/0', '::/0'])('cannot be "%s"', (range) => {
    expect(() => gatewayAddresses([range])).toThrow(TypeError);
  });

  it('cannot be none', () => {
    expect(() => gatewayAddresses([])).toThrow(TypeError);
  });
});
