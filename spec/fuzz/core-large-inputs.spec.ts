import { describe, expect, it, jest } from '@jest/globals';
import { findBearerToken } from '../../src/core/request/bearer-token';
import { decodeCompactJws } from '../../src/core/verification/compact-jws';
import { hideCredentials } from '../../src/core/request/credential-hiding';
import { forgedHeaders, headerHygiene } from '../../src/core/request/header-hygiene';
import { encodeHeaderValue } from '../../src/core/identity/header-value';
import { boundedRun } from '../support/bounded-run';
import { segment } from '../support/tokens';

// Milliseconds on a machine that has nothing else to do.
jest.setTimeout(300_000);

/** More than nginx lets through, and enough for work that grows with the square of it never to end. */
const LARGE = 500_000;
const sources = {
  headerNames: ['authorization', 'x-token'],
  cookieNames: ['session'],
  uriParamNames: ['access_token'],
  maxTokenBytes: 65_536,
};
const fill = (...parts: readonly string[]): string[] => parts.map((part) => part.repeat(LARGE / part.length));

describe('half a megabyte from a client', () => {
  const values = [
    ...fill(
      'a',
      ' ',
      '\t',
      ',',
      ';',
      '=',
      '.',
      '"',
      '%',
      '%41',
      '+',
      '&',
      'Bearer ',
      'a ',
      ' ,',
      'session=',
      'é',
      '\0',
    ),
    ...fill(' ', '=', '.', 'a=', 'a ').flatMap((tail) => [`Bearer a${tail}`, `Basic ${tail}Bearer`, `Bearer ${tail}"`]),
    ...fill('session=a;', 'session=a; ', ';session', ' session = ').flatMap((text) => [text, `${text}"`]),
    ...fill('access_token=a&', '&access%5ftoken=', 'access_token=%zz&'),
  ];

  it('is looked through for a token, and cleaned of it, in time that grows with its length (B5)', () => {
    for (const value of values) {
      const request = { headers: { authorization: value, cookie: value, 'x-token': value }, rawQuery: value };
      boundedRun(() => {
        for (const name of ['authorization', 'cookie', 'x-token']) {
          findBearerToken({ headers: { [name]: value } }, sources);
        }
        findBearerToken({ headers: {}, rawQuery: value }, sources);
        hideCredentials(request, sources);
      });
    }
  });

  it('is decoded as a token in such time (B5, C11)', () => {
    const tokens = [
      ...fill('.', 'a.', 'A', 'AA.AA.AA.', '='),
      `${segment({})}.${segment(`{"a":${'['.repeat(LARGE)}${']'.repeat(LARGE)}}`)}.AAAA`,
      `${segment({})}.${segment(`{${'"a":1,'.repeat(LARGE / 6)}"a":1}`)}.AAAA`,
      `${segment(`{"kid":"${'k'.repeat(LARGE)}"}`)}.${segment({})}.AAAA`,
      `${segment({})}.${segment(Buffer.alloc(LARGE, 0xff))}.AAAA`,
    ];
    for (const token of tokens) expect(boundedRun(() => decodeCompactJws(token))).toBeDefined();
  });

  it('is searched for forged and reserved names in such time (A4, A5)', () => {
    const hygiene = headerHygiene({
      reservedHeaders: ['X-User-*', 'X-Tenant'],
      unreservedHeaders: [],
      identityHeaders: [],
      headerNames: [],
    });
    for (const text of fill('-', '_', 'x-user', ',', ' ', ', ', 'x-users,', '\t')) {
      boundedRun(() => forgedHeaders({ headers: { [text]: text, connection: text } }, hygiene));
      boundedRun(() =>
        forgedHeaders({ headers: { connection: Array<string>(900).fill(text.slice(0, 1000)) } }, hygiene),
      );
    }
  });

  it('is encoded for a header in such time (A7)', () => {
    const [dots = '', blanks = '', commas = '', umlauts = '', emoji = '', lone = ''] = fill(
      '.',
      ' ',
      ',',
      'ü',
      '😀',
      '\ud800',
    );
    for (const text of [
      dots,
      blanks,
      commas,
      umlauts,
      emoji,
      lone,
      `${dots} `,
      ` ${dots}`,
      `${dots}ü`,
      `${umlauts}.`,
    ]) {
      for (const mode of ['refuse', 'encode'] as const) {
        boundedRun(() => encodeHeaderValue(text, 'c', mode));
        boundedRun(() => encodeHeaderValue([text, text], 'c', mode));
      }
    }
    const many = Array.from({ length: LARGE / 10 }, (_, i) => `role-${i}`);
    boundedRun(() => encodeHeaderValue(many, 'c', 'refuse'));
  });
});

describe('the limit of such a run', () => {
  it('is noticed, also inside a regular expression', () => {
    expect(() => boundedRun(() => /^(a+)+$/.test(`${'a'.repeat(60)}!`), 200)).toThrow('timed out');
  });
});
