import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { countRepeated } from '../../../../src/server/pluginserver/report';
import { decisionChannel, routeDecisionChannel, tokenCacheChannel } from '../../../../src/telemetry/channels';

const proceed = { outcome: 'proceed', code: 'proceed', status: 0, issuer: 'https://a/', kid: 'k', shadow: 'forbidden' };
const missing = { outcome: 'refuse', code: 'token_missing', status: 401 };
const report = (...entries: unknown[]): string => JSON.stringify(entries);

describe('a report of repeated answers', () => {
  let published: unknown[];
  const note = (message: unknown): void => {
    published.push(message);
  };
  beforeEach(() => {
    published = [];
    decisionChannel.subscribe(note);
    tokenCacheChannel.subscribe(note);
    routeDecisionChannel.subscribe(note);
  });
  afterEach(() => {
    decisionChannel.unsubscribe(note);
    tokenCacheChannel.unsubscribe(note);
    routeDecisionChannel.unsubscribe(note);
  });

  it('counts decisions, and hits of the token cache where there was a token', () => {
    countRepeated(report([JSON.stringify(proceed), 3], [JSON.stringify(missing), 2]));
    expect(published).toStrictEqual([
      { ...proceed, count: 3 },
      { hit: true, count: 3 },
      { ...missing, count: 2 },
    ]);
  });

  it('counts outcomes by route', () => {
    countRepeated(report(['proceed', 3, 'orders', 'shop'], ['forbidden', 1, 'orders', 'shop']));
    expect(published).toEqual([
      { route: 'orders', service: 'shop', outcome: 'proceed', code: 'proceed', count: 3 },
      { route: 'orders', service: 'shop', outcome: 'refuse', code: 'forbidden', count: 1 },
    ]);
  });

  it('may count up to 1e9 of one kind, and have a route whose name has 255 characters', () => {
    const route = 'o'.repeat(255);
    countRepeated(report(['proceed', 1e9, route, 'shop']));
    expect(published).toEqual([{ route, service: 'shop', outcome: 'proceed', code: 'proceed', count: 1e9 }]);
  });

  it.each([
    ['an outcome without a service', report(['proceed', 1, 'orders'])],
    ['an outcome that is no code', report(['a{b="c"}', 1, 'orders', 'shop'])],
    ['an outcome that only ends like a code', report(['a{b="c"}proceed', 1, 'orders', 'shop'])],
    ['an outcome that is a list', report([['proceed'], 1, 'orders', 'shop'])],
    ['a route that is no text', report(['proceed', 1, 7, 'shop'])],
    ['a route that is a list', report(['proceed', 1, ['orders'], 'shop'])],
    ['a service that is a list', report(['proceed', 1, 'orders', ['shop']])],
    ['a route without a name', report(['proceed', 1, '', 'shop'])],
    ['a route of many characters', report(['proceed', 1, 'o'.repeat(256), 'shop'])],
    ['no JSON', 'x'],
    ['an object', '{"a":1}'],
    ['null', 'null'],
    ['an entry that is no pair', report('x')],
    ['no label', report([7, 1])],
    ['a negative count', report([JSON.stringify(proceed), -1])],
    ['a count of zero', report([JSON.stringify(proceed), 0])],
    ['a fraction', report([JSON.stringify(proceed), 1.5])],
    ['a count beyond reason', report([JSON.stringify(proceed), 1e12])],
    ['a label that is no JSON', report(['x', 1])],
    ['a label that is no decision', report(['{"outcome":"perhaps","code":"x","status":1}', 1])],
    ['a label that is null', report(['null', 1])],
    ['a label with a code that is no text', report([JSON.stringify({ ...proceed, code: ['proceed'] }), 1])],
    ['a label with a status that is no number', report([JSON.stringify({ ...proceed, status: '0' }), 1])],
    ['a label with a kid that is no text', report([JSON.stringify({ ...proceed, kid: 1 }), 1])],
    ['a label with an issuer that is no text', report([JSON.stringify({ ...proceed, issuer: {} }), 1])],
    ['a label with a shadow code that is no text', report([JSON.stringify({ ...proceed, shadow: 1 }), 1])],
    ['one good entry and a bad one', report([JSON.stringify(proceed), 1], [JSON.stringify(proceed), -1])],
  ])('is refused whole when it is or has %s', (_, text) => {
    expect(() => {
      countRepeated(text);
    }).toThrow();
    expect(published).toEqual([]);
  });
});
