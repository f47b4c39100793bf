import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Kong, startKong } from '../support/kong';
import { describeKong } from '../support/kong-target';
import { sendRaw } from '../support/raw-http';

type Given = Readonly<Record<string, unknown>>;

/** A kong.yml of routes that answer with their own names. */
function kongYml(routes: Readonly<Record<string, Given>>): string {
  const entities = Object.entries(routes).map(([name, conditions]) => ({
    name,
    ...conditions,
    plugins: [{ name: 'request-termination', config: { status_code: 200, message: name } }],
  }));
  return JSON.stringify({ _format_version: '3.0', services: [], routes: entities });
}

const everything = ['GET /admin HTTP/1.1', 'Host: shop.test', 'X-One: 1', 'X-Two: 2', 'Connection: close'];

/** Resolves with the name of the route, or the status when none took the request. */
async function routeTaken(kong: Kong, lines: readonly string[]): Promise<string | number> {
  const response = await sendRaw(kong, [...lines, '', ''].join('\r\n'));
  if (response?.status !== 200) return response?.status ?? 0;
  return (JSON.parse(response.body) as { message: string }).message;
}

const wildcard = ['*.test'];
const get = ['GET'];

describeKong('the route that a request takes', () => {
  let kong: Kong;

  beforeAll(async () => {
    kong = await startKong({ declarativeConfig: kongYml({ first: { paths: ['/first'] } }) });
  });
  afterAll(() => kong.stop());

  const taken = (lines: readonly string[]): Promise<string | number> => routeTaken(kong, lines);

  it.each<[string, Given, Given]>([
    ['a plain host before a path and methods', { hosts: ['shop.test'] }, { paths: ['/admin'], methods: get }],
    [
      'a regular expression before a prefix and a host with a wildcard',
      { paths: ['~/.*'] },
      { paths: ['/admin'], hosts: wildcard, methods: get },
    ],
    [
      'a plain host before a regular expression and methods',
      { hosts: ['shop.test'] },
      { paths: ['~/admin$'], methods: get },
    ],
    ['more kinds of conditions', { paths: ['/'], methods: get }, { paths: ['/admin'] }],
    [
      'two headers before one, among the same kinds',
      { headers: { 'X-One': ['1'], 'X-Two': ['2'] } },
      { headers: { 'X-One': ['1'] } },
    ],
    ['a longer prefix', { paths: ['/adm'] }, { paths: ['/a'] }],
    ['a greater regex_priority', { paths: ['~/ad'], regex_priority: 1 }, { paths: ['~/admin'] }],
    [
      'a regex_priority of 2048 before another kind of condition',
      { paths: ['~/ad'], regex_priority: 2048 },
      { paths: ['~/admin'], methods: get },
    ],
    ['the longest path of several', { paths: ['/x', '/admi'] }, { paths: ['/adm'] }],
  ])('is the one with %s', async (_, winner, loser) => {
    await kong.reload(kongYml({ winner, loser }));
    expect(await taken(everything)).toBe('winner');
    await kong.reload(kongYml({ loser, winner }));
    expect(await taken(everything)).toBe('winner');
  });

  describe('by a header', () => {
    beforeAll(async () => {
      const routes = { ours: { headers: { 'X-Tenant': ['ours'] } }, other: { paths: ['/'] } };
      await kong.reload(kongYml({ ...routes, strict: { headers: { 'X-Mode': ['~*^(a|B)\\d$'] } } }));
    });
    const withLines = (...lines: string[]): string[] => ['GET / HTTP/1.1', 'Host: a', ...lines, 'Connection: close'];

    it.each([
      ['its value in any case', ['X-Tenant: OURS'], 'ours'],
      ['one of several lines', ['X-Tenant: theirs', 'X-Tenant: ours'], 'ours'],
      ['underscores in its name, when the client sends only those', ['X_Tenant: ours'], 'ours'],
      ['underscores, which hide the name with minus signs', ['X-Tenant: ours', 'X_Tenant: theirs'], 'other'],
      ['a regular expression in lower case', ['X-Mode: B1'], 'strict'],
      [
        'a line after the hundredth, which is not looked at',
        [...Array.from({ length: 100 }, (_, i) => `X-${i}: 1`), 'X-Tenant: ours'],
        'other',
      ],
      ['bytes that are not UTF-8, by which no route is found', ['X-Tenant: \xff'], 404],
      ['bytes that are not UTF-8 in a header that no route looks at', ['X-Else: \xff'], 'other'],
    ])('is found by %s', async (_, lines, expected) => {
      expect(await taken(withLines(...lines))).toBe(expected);
    });
  });

  describe('by a regular expression', () => {
    beforeAll(async () => {
      await kong.reload(
        kongYml({
          digits: { paths: ['~/digits/\\d+$'] },
          words: { paths: ['~/words/\\w+$'] },
          any: { paths: ['~/any/.$'] },
          named: { paths: ['~/named/(?<id>[a-f]{2,3})$'] },
          posix: { paths: ['~/posix/[[:alpha:]]+$'] },
          either: { paths: ['~/first$|/second$'] },
        }),
      );
    });

    it.each<[string, string | number]>([
      ['/digits/42', 'digits'],
      ['/digits/%D9%A3', 'digits'],
      ['/words/%C3%A9', 'words'],
      ['/words/-', 404],
      ['/any/%E6%97%A5', 'any'],
      ['/any/%0A', 404],
      ['/named/abc', 'named'],
      ['/named/a', 404],
      ['/posix/Ab', 'posix'],
      ['/posix/%C3%A9', 404],
      ['/first', 'either'],
      ['/x/first', 404],
      ['/x/second', 'either'],
    ])('GET %s takes %s', async (path, expected) => {
      expect(await taken([`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: close'])).toBe(expected);
    });
  });
});

/**
 * Kong 3.9.3 computes a negative number for these, of which LuaJIT's compiler makes another priority than its interpreter.
 * So a Kong that runs may sort them otherwise, or be unable to replace them (docs/ROUTES.md, Reloads).
 */
describeKong('the route that a request takes when Kong has just started', () => {
  it.each<[string, Given, Given]>([
    [
      'four kinds of conditions, even with a wildcard, before a plain host',
      { paths: ['/a'], methods: get, hosts: wildcard, headers: { 'X-One': ['1'] } },
      { hosts: ['shop.test'], paths: ['/admin'], methods: get },
    ],
    [
      'a negative regex_priority before a plain host',
      { paths: ['~/ad'], regex_priority: -1 },
      { hosts: ['shop.test'], paths: ['~/admin'] },
    ],
    [
      'a regex_priority of 4096 before a plain host',
      { paths: ['~/ad'], regex_priority: 4096 },
      { hosts: ['shop.test'], paths: ['~/admin'] },
    ],
  ])('is the one with %s', async (_, winner, loser) => {
    for (const declarativeConfig of [kongYml({ winner, loser }), kongYml({ loser, winner })]) {
      const kong = await startKong({ declarativeConfig });
      try {
        expect(await routeTaken(kong, everything)).toBe('winner');
      } finally {
        await kong.stop();
      }
    }
  });
});
