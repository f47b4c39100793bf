import { describe, expect, it } from '@jest/globals';
import { LOOPBACK, peerFilter } from '../../../../src/server/decisions/peers';

describe('the filter of peers', () => {
  it.each([
    [LOOPBACK, '127.0.0.1', true],
    [LOOPBACK, '127.200.0.9', true],
    [LOOPBACK, '::1', true],
    [LOOPBACK, '::ffff:127.0.0.1', true],
    [LOOPBACK, '128.0.0.1', false],
    [LOOPBACK, '::ffff:10.0.0.1', false],
    [LOOPBACK, undefined, false],
    [LOOPBACK, '', false],
    [['10.1.0.0/16'], '10.1.255.255', true],
    [['10.1.0.0/16'], '10.2.0.0', false],
    [['10.1.0.7'], '10.1.0.7', true],
    [['10.1.0.7'], '10.1.0.8', false],
    [['fd00::/8'], 'fd12::1', true],
    [['fd00::/8'], '10.0.0.1', false],
  ])('with %j takes %s: %s', (ranges, address, expected) => {
    expect(peerFilter(ranges)(address, false)).toBe(expected);
  });

  it('takes the other end of a Unix socket, which has no address', () => {
    expect(peerFilter(LOOPBACK)(undefined, true)).toBe(true);
  });

  it.each(['0.0.0.0/0', '::/0', '10.0.0.0/33', '10.0.0/8', '10.0.0.0/8/8', 'gateway', '', '10.0.0.0/-1', '10.0.0.0/'])(
    'does not take %j for a range',
    (range) => {
      expect(() => peerFilter([range])).toThrow(RangeError);
    },
  );
});
