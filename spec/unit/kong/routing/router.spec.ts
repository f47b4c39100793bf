import { describe, expect, it } from '@jest/globals';
import { createRouter, type RouteMatch } from '../../../../src/kong/routing/router';
import { type Given, routesOf } from '../../../support/declared';

interface Request {
  method?: string;
  path?: string;
  host?: string | null;
  headers?: Readonly<Record<string, readonly string[]>>;
}

function route(
  routes: readonly Given[],
  { method = 'GET', path = '/', host = null, headers = {} }: Request,
): RouteMatch | null {
  const router = createRouter(routesOf(routes));
  return router({ method, path, host, port: 8000, headerValues: (name) => headers[name] ?? [] });
}

const nameOf = (match: RouteMatch | null): string | null => match?.route.name ?? null;

describe('a route', () => {
  it.each([
    [{ paths: ['/a'] }, { path: '/a' }, true],
    [{ paths: ['/a'] }, { path: '/ab' }, true],
    [{ paths: ['/a/'] }, { path: '/a' }, false],
    [{ paths: ['/A'] }, { path: '/a' }, false],
    [{ paths: ['~/a/[0-9]+$'] }, { path: '/a/42' }, true],
    [{ paths: ['~/a/[0-9]+$'] }, { path: '/a/x' }, false],
    [{ paths: ['~/a'] }, { path: '/x/a' }, false],
    [{ methods: ['GET'] }, { method: 'GET' }, true],
    [{ methods: ['GET'] }, { method: 'POST' }, false],
    [{ hosts: ['a.test'] }, { host: 'a.test' }, true],
    [{ hosts: ['a.test'] }, { host: 'a.test:8000' }, true],
    [{ hosts: ['a.test:8000'] }, { host: 'a.test' }, true],
    [{ hosts: ['a.test:9000'] }, { host: 'a.test' }, false],
    [{ hosts: ['a.test'] }, { host: 'b.a.test' }, false],
    [{ hosts: ['*.a.test'] }, { host: 'b.a.test' }, true],
    [{ hosts: ['*.a.test'] }, { host: 'a.test' }, false],
    [{ hosts: ['a.*'] }, { host: 'a.example' }, true],
    [{ hosts: ['a.test'] }, {}, false],
    [{ headers: { 'X-Version': ['2'] } }, { headers: { 'x-version': ['2'] } }, true],
    [{ headers: { 'X-Version': ['2'] } }, { headers: { 'x-version': ['1', '2'] } }, true],
    [{ headers: { 'X-Version': ['Beta'] } }, { headers: { 'x-version': ['bETA'] } }, true],
    [{ headers: { 'X-Version': ['~*v[0-9]'] } }, { headers: { 'x-version': ['V2'] } }, true],
    [{ headers: { 'X-Version': ['2'] } }, {}, false],
    [{ methods: ['GET'], paths: ['/a'] }, { method: 'POST', path: '/a' }, false],
  ] as [Given, Request, boolean][])('%j for %j: %s', (conditions, request, matches) => {
    expect(route([{ name: 'r', ...conditions }], request) !== null).toBe(matches);
  });

  it('is out when its service is disabled', () => {
    expect(route([{ name: 'r', paths: ['/a'], service: { enabled: false } }], { path: '/a' })).toBeNull();
  });
});

/** Kong 3.9.3, router_flavor traditional_compatible. */
describe('of several routes that match', () => {
  const everything: Request = {
    method: 'GET',
    path: '/a/b',
    host: 'a.test',
    headers: { 'x-one': ['1'], 'x-two': ['2'] },
  };

  it.each([
    ['more kinds of conditions', { methods: ['GET'], paths: ['/a'] }, { paths: ['/a/b'] }],
    ['a plain host before one with a wildcard', { hosts: ['a.test'] }, { hosts: ['*.test'] }],
    ['more headers', { headers: { 'X-One': ['1'], 'X-Two': ['2'] } }, { headers: { 'X-One': ['1'] } }],
    ['a regular expression before a longer prefix', { paths: ['~/a'] }, { paths: ['/a/b'] }],
    ['a higher regex_priority', { paths: ['~/a'], regex_priority: 2 }, { paths: ['~/a/b'], regex_priority: 1 }],
    ['the longer path', { paths: ['/a/b'] }, { paths: ['/a'] }],
    ['the longest of several paths', { paths: ['/', '/a/b'] }, { paths: ['/a'] }],
  ] as [string, Given, Given][])('the one with %s wins, wherever it stands', (_, winner, loser) => {
    const [first, second] = [
      { name: 'winner', ...winner },
      { name: 'loser', ...loser },
    ];
    expect(nameOf(route([first, second], everything))).toBe('winner');
    expect(nameOf(route([second, first], everything))).toBe('winner');
  });
});

describe('what a route takes off the path', () => {
  it.each([
    [{ paths: ['/a'] }, '/a'],
    [{ paths: ['/a'], strip_path: false }, null],
    [{ paths: ['~/a/[a-z]'] }, '/a/b'],
    [{ methods: ['GET'] }, '/'],
  ] as [Given, string | null][])('of %j is %s', (conditions, prefix) => {
    expect(route([{ name: 'r', ...conditions }], { path: '/a/b/c' })?.prefix).toBe(prefix);
  });
});
