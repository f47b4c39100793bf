import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findBearerToken } from '../../src/core/request/bearer-token';
import { hideCredentials } from '../../src/core/request/credential-hiding';
import { Refusal } from '../../src/core/refusal/refusal';
import type { RequestView } from '../../src/core/request/request-view';

const sources = {
  headerNames: ['authorization', 'x-token', 'sec-websocket-protocol'],
  cookieNames: ['session'],
  uriParamNames: ['access_token'],
  maxTokenBytes: 60,
};

/** Pieces of which credentials are made, well or badly put together. */
const TOKEN = 'tok.en-1';
const KUBERNETES = `base64url.bearer.authorization.k8s.io.${Buffer.from(TOKEN).toString('base64url')}`;
const pieces = fc
  .array(
    fc.oneof(
      fc.constantFrom(
        ...[TOKEN, TOKEN, 'other', 'Bearer ', 'bearer ', 'BEARER', 'Basic ', 'Digest a="b"', 'session', 'access_token'],
        ...[
          '=',
          '=',
          ';',
          '; ',
          '&',
          ',',
          ' ',
          '\t',
          '"',
          '%41',
          '%5f',
          '%',
          '+',
          'access%5Ftoken',
          'Session',
          '.',
          '\0',
        ],
      ),
      fc.string({ unit: 'binary', maxLength: 2 }),
    ),
    { maxLength: 7 },
  )
  .map((parts) => parts.join(''));
const authorization = fc.oneof(pieces, fc.constantFrom(`Bearer ${TOKEN}`, `bearer  ${TOKEN}`, `Basic ${TOKEN}`));
const pair = fc.oneof(
  pieces,
  fc.constantFrom('a=1', `session=${TOKEN}`, ` session = ${TOKEN}`, 'session2=x', 'session'),
  fc.constantFrom(`session="${TOKEN}"`, `session=Bearer%20${TOKEN}`, `session="bearer ${TOKEN}"`),
  fc.constantFrom('session.0=tok', 'session.1=.en', 'session.2="-1"', 'session.0=x', 'session.03=y', 'session.x=1'),
);
const protocol = fc.oneof(
  pieces,
  fc.constantFrom('chat', 'bearer', `bearer,${TOKEN}`, TOKEN, KUBERNETES, `base64url.Bearer.authorization.k8s.io.x`),
);
const parameter = fc.oneof(pieces, fc.constantFrom('a=1', `access_token=${TOKEN}`, `access%5ftoken=${TOKEN}`, 'x'));
const lines = (line: fc.Arbitrary<string>): fc.Arbitrary<string | string[]> =>
  fc.oneof({ weight: 5, arbitrary: line }, { weight: 1, arbitrary: fc.array(line, { minLength: 1, maxLength: 3 }) });
const request: fc.Arbitrary<RequestView & { headers: Record<string, string | string[]> }> = fc.record(
  {
    headers: fc.record(
      {
        authorization: lines(authorization),
        'sec-websocket-protocol': lines(fc.array(protocol, { maxLength: 4 }).map((each) => each.join(', '))),
        'x-token': lines(fc.oneof(pieces, fc.constant(TOKEN))),
        cookie: lines(fc.array(pair, { maxLength: 4 }).map((pairs) => pairs.join(';'))),
      },
      { requiredKeys: [] },
    ),
    rawQuery: fc.array(parameter, { maxLength: 4 }).map((parameters) => parameters.join('&')),
  },
  { requiredKeys: ['headers'] },
);

/** What a service could read as a token of the configured places, however loosely it reads. */
function looselyRead({ headers, rawQuery = '' }: RequestView): string[] {
  const all = (value: string | readonly string[] | undefined): string[] => (value === undefined ? [] : [value].flat());
  const bearers = all(headers['authorization']).flatMap((line) => /^\s*bearer\s+(.*)$/is.exec(line)?.[1] ?? []);
  const cookies = all(headers['cookie']).flatMap((line) => line.split(';'));
  const sessions = cookies.flatMap((text) => /^\s*session\s*=(.*)$/s.exec(text)?.[1] ?? []).map(plain);
  const parts = new Map<number, string>();
  for (const text of cookies) {
    const [, index, value] = /^\s*session\.(\d+)\s*=(.*)$/s.exec(text) ?? [];
    if (index !== undefined && value !== undefined) parts.set(Number(index), unquoted(value));
  }
  const inOrder = [...parts].toSorted(([a], [b]) => a - b).map(([, value]) => value);
  const joined = parts.size === 0 ? [] : [plain(inOrder.join(''))];
  const protocols = all(headers['sec-websocket-protocol']).join(',').split(',');
  const offered = protocols.flatMap((each, at) => {
    const [, encoded] = /^base64url\.bearer\.authorization\.k8s\.io\.(.*)$/is.exec(each.trim()) ?? [];
    if (encoded !== undefined) return [Buffer.from(encoded, 'base64url').toString()];
    return each.trim().toLowerCase() === 'bearer'
      ? [protocols[at + 1]?.trim()].filter((next) => next !== undefined)
      : [];
  });
  const parameters = new URLSearchParams(rawQuery).getAll('access_token');
  const own = all(headers['x-token']).map((line) => line.replace(/^bearer +/i, ''));
  return [...bearers, ...own, ...sessions, ...joined, ...offered, ...parameters];
}

const unquoted = (text: string): string => /^"(.*)"$/s.exec(text.trim())?.[1] ?? text.trim();
const plain = (text: string): string => unquoted(text).replace(/^bearer( |%20)+/i, '');

/** The request as it travels on. */
function afterHiding(asked: RequestView): RequestView {
  const { headers, rawQuery } = hideCredentials(asked, sources);
  const changed = Object.entries({ ...asked.headers, ...headers });
  const left = Object.fromEntries(changed.filter(([, value]) => value.length > 0 || typeof value === 'string'));
  const query = rawQuery ?? asked.rawQuery;
  return { headers: left, ...(query !== undefined && { rawQuery: query }) };
}

describe('whatever stands in Authorization, Cookie and the query', () => {
  it('holds one token that every reader finds, or none, or is refused', () => {
    const seen = { found: 0, none: 0, refused: 0 };
    fc.assert(
      fc.property(request, (asked) => {
        const found = findBearerToken(asked, sources);
        if (found instanceof Refusal) {
          seen.refused += 1;
          expect(found.reason).not.toContain(TOKEN);
          return;
        }
        seen[found === undefined ? 'none' : 'found'] += 1;
        const readings = looselyRead(asked);
        if (found === undefined) expect(readings).toEqual([]);
        else expect(new Set(readings)).toEqual(new Set([found]));
      }),
      { numRuns: 3000 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  });

  it('holds no token any more once it is hidden, and all the rest byte for byte', () => {
    fc.assert(
      fc.property(request, (asked) => {
        const left = afterHiding(asked);
        // The word alone stays, for the service to answer with.
        const isWord = /^bearer$/i.test(String(left.headers['sec-websocket-protocol']));
        const { 'sec-websocket-protocol': offered, ...rest } = left.headers;
        const headers = isWord || offered === undefined ? rest : left.headers;
        expect(findBearerToken({ ...left, headers }, sources)).toBeUndefined();
        expect(looselyRead(left)).toEqual([]);
        const pairs = ({ headers }: RequestView): string[] =>
          [headers['cookie'] ?? []]
            .flat()
            .join(';')
            .split(';')
            .map((text) => text.trim());
        const others = pairs(asked).filter((text) => !/^session(\.\d+)?\s*(=|$)/.test(text));
        expect(pairs(left).filter((text) => text !== '')).toEqual(others.filter((text) => text !== ''));
        const parameters = (asked.rawQuery ?? '').split('&');
        const isToken = (text: string): boolean => new URLSearchParams(text).has('access_token');
        expect(left.rawQuery ?? '').toBe(parameters.filter((text) => !isToken(text)).join('&'));
        const given = asked.headers['authorization'];
        const isAnotherScheme =
          typeof given === 'string' && /^(?!bearer )\w+ +[!-~]+$/i.test(given) && !/bearer/i.test(given);
        if (isAnotherScheme) expect(left.headers['authorization']).toBe(given);
      }),
      { numRuns: 3000 },
    );
  });
});
