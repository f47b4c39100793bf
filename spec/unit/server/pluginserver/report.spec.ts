import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { countRepeated } from '../../../../src/server/pluginserver/report';
import { decisionChannel, tokenCacheChannel } from '../../../../src/telemetry/channels';

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
  });
  afterEach(() => {
    decisionChannel.unsubscribe(note);
    tokenCacheChannel.unsubscribe(note);
  });

  it('counts decisions, and hits of the token cache where there was a token', () => {
    countRepeated(report([JSON.stringify(proceed), 3], [JSON.stringify(missing), 2]));
    expect(published).toEqual([
      { ...proceed, count: 3 },
      { hit: true, count: 3 },
      { ...missing, count: 2 },
    ]);
  });

  it.each([
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
    ['a label with a kid that is no text', report([JSON.stringify({ ...proceed, kid: 1 }), 1])],
    ['one good entry and a bad one', report([JSON.stringify(proceed), 1], [JSON.stringify(proceed), -1])],
  ])('is refused whole when it is or has %s', (_, text) => {
    expect(() => {
      countRepeated(text);
    }).toThrow();
    expect(published).toEqual([]);
  });
});
