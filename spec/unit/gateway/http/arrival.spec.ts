import { describe, expect, it } from '@jest/globals';
import { isKept, refuseArrival } from '../../../../src/gateway/http/arrival';
import { type HeaderLine, HeaderList } from '../../../../src/gateway/http/header-list';

const refused = (
  lines: readonly HeaderLine[],
  method = 'GET',
  target = '/',
  httpVersion: string = lines.some(([name]) => name === 'Host') ? '1.1' : '1.0',
): number | null => refuseArrival({ method, target, httpVersion, headers: new HeaderList(lines) })?.status ?? null;

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

  it.each([
    ['no Host', '1.1', [], 400],
    ['HTTP/0.9', '0.9', [], 400],
    ['HTTP/2.0 in the request line', '2.0', [['Host', 'a']], 505],
    ['chunks in HTTP/1.0', '1.0', [['Transfer-Encoding', 'chunked']], 400],
    [
      'other codings than chunked',
      '1.1',
      [
        ['Host', 'a'],
        ['Transfer-Encoding', 'gzip, chunked'],
      ],
      501,
    ],
    ...['', '.', 'a b', 'a/b', 'a..b', '::1', 'a\x7f', ':80', 'a:80/'].map((host) => [
      `the Host "${host}"`,
      '1.0',
      [['Host', host]],
      400,
    ]),
  ] as [string, string, HeaderLine[], number][])('%s', (_, version, lines, status) => {
    expect(refused(lines, 'GET', '/', version)).toBe(status);
  });

  it.each(['a_b', '.a', 'a.', 'a:80:90', 'a:x', '[::1]', '[::1', 'a\xff', 'a@b', 'a|b', '*'])(
    'no request because of the Host %s',
    (host) => {
      expect(refused([['Host', host]])).toBeNull();
    },
  );

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
