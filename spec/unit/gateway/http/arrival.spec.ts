import { describe, expect, it } from '@jest/globals';
import { isKept, refuseArrival } from '../../../../src/gateway/http/arrival';
import { type HeaderLine, HeaderList } from '../../../../src/gateway/http/header-list';

const refused = (lines: readonly HeaderLine[], method = 'GET', target = '/'): number | null =>
  refuseArrival(method, target, new HeaderList(lines))?.status ?? null;

const many = (count: number): HeaderLine[] => Array.from({ length: count }, (_, i) => [`f${i}`, 'v']);

describe('nginx refuses', () => {
  it.each([
    [
      'two Authorization headers',
      400,
      [
        ['Authorization', 'a'],
        ['authorization', 'a'],
      ],
    ],
    [
      'two Host headers',
      400,
      [
        ['Host', 'a'],
        ['Host', 'b'],
      ],
    ],
    [
      'two lengths',
      400,
      [
        ['Content-Length', '1'],
        ['Content-Length', '1'],
      ],
    ],
    ['a line that is too long', 494, [['X', 'v'.repeat(8_192)]]],
    ['too many lines', 494, many(1_001)],
  ] as [string, number, HeaderLine[]][])('%s with %i', (_, status, lines) => {
    expect(refused(lines)).toBe(status);
  });

  it('a target that is too long, TRACE and CONNECT', () => {
    expect(refused([], 'GET', `/${'a'.repeat(8_192)}`)).toBe(414);
    expect(refused([], 'TRACE')).toBe(405);
    expect(refused([], 'CONNECT')).toBe(405);
  });

  it('nothing else', () => {
    expect(
      refused([['Cookie', 'a'], ['Cookie', 'b'], ['X-User-ID', 'a'], ['X-User-ID', 'b'], ...many(996)]),
    ).toBeNull();
  });
});

it.each([
  ['X-User-ID', true],
  ['X_User_ID', true],
  ['X.User.ID', false],
  ["X'", false],
  ['', false],
])('nginx keeps a header called %j: %s', (name, kept) => {
  expect(isKept(name)).toBe(kept);
});
