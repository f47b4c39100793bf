import { describe, expect, it } from '@jest/globals';
import { hasTokenCookie, isTokenCookie, tokenCookieNames } from '../../../../src/core/request/cookie-token';

const sources = { cookieNames: ['session', 'a.b'] };

describe('a cookie that may hold a token', () => {
  it.each<[string, boolean]>([
    ['session=abc', true],
    ['a=1;\tsession =abc', true],
    ['session', true],
    ['session.0=ab', true],
    ['session.00=ab', true],
    ['session.99999=ab', true],
    ['a.b=abc; c=1', true],
    ['a.b.3=abc', true],
    ['a.3=abc; b=1', false],
    ['session2=abc; a=session', false],
    ['session.x=abc; session.=abc; .0=abc', false],
    ['Session.0=abc; __Host-session=abc', false],
  ])('is seen in %s: %s', (cookie, expected) => {
    expect(hasTokenCookie({ headers: { cookie } }, sources)).toBe(expected);
    expect(hasTokenCookie({ headers: { cookie } }, { cookieNames: [] })).toBe(false);
    expect(cookie.split(';').some((pair) => isTokenCookie(pair, sources))).toBe(expected);
  });

  it('is named as it was sent, once', () => {
    const headers = { cookie: ['x=1; session.0=ab', 'session.1=c; session=abc; session=abc'] };
    expect(tokenCookieNames({ headers }, sources)).toEqual(['session.0', 'session.1', 'session']);
    expect(tokenCookieNames({ headers: {} }, sources)).toEqual([]);
  });
});
