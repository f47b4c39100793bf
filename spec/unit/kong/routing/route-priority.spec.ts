import { describe, expect, it } from '@jest/globals';
import { blocksReload } from '../../../../src/kong/routing/route-priority';

const allKinds = { methods: ['GET'], hosts: ['*.test'], headers: { 'x-one': ['1'] }, paths: ['/a'] };

describe('a route that Kong may be unable to replace', () => {
  it.each([
    ['has all four kinds of conditions and a host with a wildcard', allKinds],
    ['has them and a plain host beside the one with a wildcard', { ...allKinds, hosts: ['a.test', '*.test'] }],
    ['has them and a prefix beside a regular expression', { ...allKinds, paths: ['~/a$', '/a'] }],
    [
      'has other kinds beside headers',
      { headers: allKinds.headers, snis: ['a.test'], sources: [{ ip: '10.0.0.1' }], destinations: [{ port: 80 }] },
    ],
  ])('%s', (_, conditions: Readonly<Record<string, unknown>>) => {
    expect(blocksReload(conditions)).toBe(true);
  });

  it.each([
    ['has no wildcard', { ...allKinds, hosts: ['a.test'] }],
    ['has a regular expression only', { ...allKinds, paths: ['~/a$'] }],
    ['has three kinds of conditions', { ...allKinds, methods: null }],
    ['has no path', { ...allKinds, paths: null }],
    ['has a fourth kind that is empty', { ...allKinds, methods: [], snis: null, sources: 'x' }],
    ['has an expression with a negative regex_priority', { paths: ['~/a'], regex_priority: -1 }],
  ])('is none that %s', (_, conditions: Readonly<Record<string, unknown>>) => {
    expect(blocksReload(conditions)).toBe(false);
  });
});
