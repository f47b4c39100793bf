import { describe, expect, it } from '@jest/globals';
import type { Route } from '../../../../src/kong/declarative/entities';
import { headersWithin, hostsWithin, methodsWithin, pathsWithin } from '../../../../src/kong/routing/condition-overlap';
import { overlapsOf } from '../../../../src/kong/routing/route-overlap';
import { createRouter } from '../../../../src/kong/routing/router';
import { type Given, routesOf } from '../../../support/declared';

const isGuarded = ({ tags }: Route): boolean => tags?.includes('guarded') === true;

/** Overlaps as `open > guarded: example`; `?` stands for one that is only possible. */
function overlaps(open: Readonly<Record<string, Given>>, guarded: Readonly<Record<string, Given>>): string[] {
  const named = (routes: Readonly<Record<string, Given>>, tags: string[]): Given[] =>
    Object.entries(routes).map(([name, route]) => ({ ...(name === '-' ? {} : { name }), tags, ...route }));
  const routes = routesOf([...named(open, ['open']), ...named(guarded, ['guarded'])]);
  return overlapsOf(routes, isGuarded).map(({ open: o, guarded: g, example }) => {
    const request = example === null ? '?' : `${example.method} ${example.host ?? ''}${example.path}`;
    return `${o.name ?? '-'} > ${g.name ?? '-'}: ${request}`;
  });
}

const admin = { admin: { paths: ['/admin'] } };

describe('an open route', () => {
  it.each<[string, Given, Given, string]>([
    ['a plain host', { hosts: ['shop.test'] }, { paths: ['/admin'], methods: ['GET', 'POST'] }, 'GET shop.test/admin'],
    ['a regular expression', { paths: ['~/.*'] }, { paths: ['/admin'], hosts: ['*.test'] }, 'GET x.test/admin'],
    ['a suffix', { paths: ['~/.*\\.css$'] }, { paths: ['/admin'] }, 'GET /admin.css'],
    ['an alternative that is not anchored', { paths: ['~/x|/admin'] }, { paths: ['/admin'] }, 'GET /admin'],
    ['more kinds of conditions', { paths: ['/'], methods: ['POST'] }, { paths: ['/admin'] }, 'POST /admin'],
    ['the same conditions but another host', { paths: ['/'], hosts: ['a.*'] }, { hosts: ['*.test'] }, 'GET a.x.test/'],
    ['the same port', { hosts: ['a.test:8000'] }, { hosts: ['*.test'], paths: ['/a'] }, 'GET a.test:8000/a'],
    [
      'one of several paths',
      { paths: ['/x', '/admin/x'], methods: ['GET'] },
      { paths: ['/admin/x/y'] },
      'GET /admin/x/y',
    ],
    ['a header', { headers: { 'X-A': ['1'] }, paths: ['/'] }, { headers: { 'X-B': ['2'] } }, 'GET /'],
  ])('with %s that is asked first takes requests of a guarded one', (_, open, guarded, example) => {
    expect(overlaps({ open }, { guarded })).toEqual([`open > guarded: ${example}`]);
  });

  it.each<[string, Given, Given]>([
    ['other paths', { paths: ['/a'], methods: ['GET'] }, { paths: ['/b'] }],
    ['other methods', { methods: ['GET'], hosts: ['a.test'] }, { methods: ['POST'], paths: ['/'] }],
    ['other hosts', { hosts: ['a.test'], paths: ['/'] }, { hosts: ['*.b.test'] }],
    ['another port', { hosts: ['a.test:1'], paths: ['/'] }, { hosts: ['a.test:2'] }],
    ['an expression that begins otherwise', { paths: ['~/shop/\\d+'] }, { paths: ['/admin'] }],
    ['less to say, so that it is asked later', { paths: ['/'] }, { paths: ['/admin'] }],
  ])('with %s takes nothing of it', (_, open, guarded) => {
    expect(overlaps({ open }, { guarded })).toEqual([]);
  });

  it.each<[string, Given, Given]>([
    ['a longer path', { paths: ['/admin/health'] }, { paths: ['/admin'] }],
    ['an expression that begins with the path', { paths: ['~/admin/health$'] }, { paths: ['/admin'] }],
    ['a method more', { paths: ['/admin'], methods: ['OPTIONS'] }, { paths: ['/admin'] }],
    ['one host of many', { hosts: ['a.shop.test'], paths: ['/'] }, { hosts: ['*.shop.test'] }],
    ['a header more', { paths: ['/a'], headers: { 'X-Probe': ['1'] } }, { paths: ['/a'] }],
  ])('that lies within the guarded one by %s is an exception that is meant', (_, open, guarded) => {
    expect(overlaps({ open }, { guarded })).toEqual([]);
  });

  it('is only said to be possible if an expression would have to be solved', () => {
    expect(overlaps({ open: { paths: ['~/[a-z]{5}/[0-9]{3}'] } }, { guarded: { paths: ['/admin/'] } })).toEqual([
      'open > guarded: ?',
    ]);
  });

  it('is only said to be possible if Kong sorts the two by ids that it draws', () => {
    expect(overlaps({ '-': { paths: ['/a'] } }, { guarded: { paths: ['/a'], regex_priority: 1 } })).toEqual([]);
    const [a, b] = [{ methods: ['GET'] }, { hosts: ['*.test'] }];
    expect(overlaps({ '-': a }, { guarded: b })).toEqual(['- > guarded: ?']);
  });

  it('is only said to be possible if the priorities of both are beyond 2^63', () => {
    const negative = { regex_priority: -1 };
    expect(
      overlaps(
        { open: { ...negative, paths: ['~/a'] } },
        { guarded: { ...negative, paths: ['~/a/b'], methods: ['GET'] } },
      ),
    ).toEqual(['open > guarded: ?']);
  });

  it('takes nothing that another guarded route takes before it', () => {
    const open = { open: { hosts: ['shop.test'] } };
    expect(overlaps(open, admin)).toHaveLength(1);
    expect(overlaps(open, { ...admin, both: { hosts: ['shop.test'], paths: ['/admin'] } })).toEqual([]);
  });
});

/** Routes and requests from a seed (mulberry32), so that a failure can be repeated. */
describe('of random routes', () => {
  const random = (seed: number): ((n: number) => number) => {
    let state = seed;
    return (n) => {
      state = (state + 0x6d2b79f5) | 0;
      let t = Math.imul(state ^ (state >>> 15), 1 | state);
      t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) % n;
    };
  };
  const PATHS = ['/', '/a', '/a/b', '/ab', '~/.*', '~/a/[a-z]+$', '~/a|/b', '~/.*\\.css$'];
  const HOSTS = ['a.test', '*.test', 'a.*', 'a.test:8000'];
  const VALUES = { paths: PATHS, methods: ['GET', 'POST'], hosts: HOSTS };

  it('every request that an open route takes from a guarded one is reported, or is an exception', () => {
    const int = random(14);
    const some = (from: readonly string[]): string[] => from.filter(() => int(3) === 0);
    let taken = 0;
    for (let set = 0; set < 150; set += 1) {
      const given = Array.from({ length: 5 }, (_, i): Given => {
        const conditions = Object.entries(VALUES).map(
          ([kind, from]) => [kind, int(2) === 0 ? some(from) : []] as const,
        );
        const headers = int(4) === 0 ? { headers: { 'X-A': some(['1', '2', '3']).concat('4') } } : {};
        const route = { ...Object.fromEntries(conditions.filter(([, list]) => list.length > 0)), ...headers };
        const tags = [i % 2 === 0 ? 'guarded' : 'open'];
        return {
          name: `r${i}`,
          tags,
          regex_priority: [0, 0, 1, -1, 4096][int(5)],
          ...(Object.keys(route).length > 0 ? route : { paths: ['/'] }),
        };
      });
      const routes = routesOf(given);
      const reported = new Set(overlapsOf(routes, isGuarded).map(({ open, guarded }) => `${open.id} ${guarded.id}`));
      const router = createRouter(routes);
      for (const path of ['/', '/a', '/a/b', '/ab', '/x.css', '/a/x.css']) {
        for (const method of ['GET', 'POST']) {
          for (const host of ['a.test', 'b.test', 'a.test:8000', 'a.b']) {
            const header = ['1', '4'][int(2)] ?? '';
            const match = router({
              method,
              path,
              host,
              port: 80,
              headerValues: (name) => (name === 'x_a' ? [header] : []),
            });
            if (match === null || isGuarded(match.route)) continue;
            for (const guarded of match.others.filter(isGuarded)) {
              taken += 1;
              const isKnown = reported.has(`${match.route.id} ${guarded.id}`) || isException(match.route, guarded);
              expect([given, method, host, path, isKnown]).toEqual([given, method, host, path, true]);
            }
          }
        }
      }
    }
    expect(taken).toBeGreaterThan(300);
  });

  function isException(open: Route, guarded: Route): boolean {
    return (
      methodsWithin(open.methods, guarded.methods) &&
      hostsWithin(open.hosts, guarded.hosts) &&
      headersWithin(open.headers, guarded.headers) &&
      (open.paths ?? ['/']).some((path) => pathsWithin([path], guarded.paths))
    );
  }
});
