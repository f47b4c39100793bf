import { describe, expect, it } from '@jest/globals';
import { checkJoseHeader, normalizeTokenType } from '../../../../src/core/verification/jose-header';
import { Refusal } from '../../../../src/core/refusal/refusal';

const check = (header: unknown, types: readonly string[] = []): unknown => {
  const algorithms = new Set(['RS256', 'ES256']);
  const result = checkJoseHeader(header as Record<string, unknown>, algorithms, new Set(types.map(normalizeTokenType)));
  return result instanceof Refusal ? result.code : result;
};

describe('checking the header of an unverified token', () => {
  it('hands on the algorithm and the kid', () => {
    expect(check({ alg: 'RS256', kid: 'k1', typ: 'JWT' })).toEqual({ alg: 'RS256', kid: 'k1' });
    expect(check({ alg: 'ES256' })).toEqual({ alg: 'ES256', kid: undefined });
  });

  it.each([
    ['none'],
    ['None'],
    ['NONE'],
    ['nOnE'],
    ['HS256'],
    ['RS512'],
    ['rs256'],
    ['RS256 '],
    [''],
    ['RSA-OAEP'],
    ['dir'],
  ])('does not trust the algorithm %j', (alg) => {
    expect(check({ alg })).toBe('token_untrusted');
  });

  it.each([
    ['without alg', {}],
    ['whose alg is a number', { alg: 256 }],
    ['whose alg is a list', { alg: ['RS256'] }],
    ['whose alg is null', { alg: null }],
    ['whose alg is inherited', Object.create({ alg: 'RS256' })],
    ['whose kid is a number', { alg: 'RS256', kid: 1 }],
    ['whose kid is an object', { alg: 'RS256', kid: { a: 1 } }],
    ['whose kid is null', { alg: 'RS256', kid: null }],
    ['with an unknown critical extension', { alg: 'RS256', crit: ['exp'], exp: 1 }],
    ['with an empty crit', { alg: 'RS256', crit: [] }],
    ['with b64=false', { alg: 'RS256', crit: ['b64'], b64: false }],
    ['with b64=false outside crit', { alg: 'RS256', b64: false }],
    ['whose typ is a number', { alg: 'RS256', typ: 1 }],
  ])('refuses a header %s', (_, header) => {
    expect(check(header)).toBe('token_malformed');
  });

  it('takes no notice of keys and addresses in the header', () => {
    const header = { alg: 'RS256', jwk: { kty: 'oct', k: 'AA' }, jku: 'https://evil', x5u: 'https://evil', x5c: ['x'] };
    expect(check(header)).toEqual({ alg: 'RS256', kid: undefined });
  });
});

describe('the type of a token', () => {
  it.each([[undefined], ['JWT'], ['jwt'], ['at+jwt'], ['application/at+jwt'], ['AT+JWT'], ['JOSE']])(
    'accepts %j when no types are listed',
    (typ) => {
      expect(check({ alg: 'RS256', ...(typ !== undefined && { typ }) })).toMatchObject({ alg: 'RS256' });
    },
  );

  it.each([['logout+jwt'], ['dpop+jwt'], ['secevent+jwt'], ['application/DPoP+JWT'], ['token-introspection+jwt']])(
    'refuses %j, which is another kind of token, unless it is listed',
    (typ) => {
      expect(check({ alg: 'RS256', typ })).toBe('token_type_not_accepted');
      expect(check({ alg: 'RS256', typ }, [typ])).toMatchObject({ alg: 'RS256' });
    },
  );

  it.each([[undefined], ['JWT'], ['at+jwtx'], ['id+jwt'], ['at+application/jwt']])(
    'refuses %j when only at+jwt is listed',
    (typ) => {
      expect(check({ alg: 'RS256', ...(typ !== undefined && { typ }) }, ['at+jwt'])).toBe('token_type_not_accepted');
    },
  );

  it('compares types without their prefix and case', () => {
    expect(check({ alg: 'RS256', typ: 'at+JWT' }, ['application/at+jwt'])).toMatchObject({ alg: 'RS256' });
  });
});
