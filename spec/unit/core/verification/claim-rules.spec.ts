import { describe, expect, it } from '@jest/globals';
import {
  audienceRule,
  checkClaims,
  checkTime,
  requiredClaims,
  type ClaimRules,
} from '../../../../src/core/verification/claim-rules';

const NOW = 1_800_000_000;
const rules = (changes: Partial<ClaimRules> = {}): ClaimRules => ({
  audience: audienceRule('aud', ['orders']),
  requiredClaims: requiredClaims(['exp', 'sub']),
  conditions: [],
  leewaySeconds: 10,
  maximumExpirationSeconds: 0,
  ...changes,
});
const good = { sub: 'u1', aud: 'orders', exp: NOW + 60 };
const code = (claims: Record<string, unknown>, changes?: Partial<ClaimRules>): string | undefined =>
  checkClaims(claims, rules(changes), NOW)?.code;

describe('checking a verified claims set', () => {
  it('passes a good one', () => {
    expect(code(good)).toBeUndefined();
  });

  it('refuses a token without exp while exp is required', () => {
    expect(code({ sub: 'u1', aud: 'orders' })).toBe('claim_missing');
  });

  it('accepts a token without exp when the configuration does not require it', () => {
    expect(code({ sub: 'u1', aud: 'orders' }, { requiredClaims: [] })).toBeUndefined();
  });

  it('tells an observer which limits and conditions there are, and whether they are met', () => {
    const observed: string[] = [];
    const condition = (demand: string, isMet: boolean): ClaimRules['conditions'][number] => ({
      ...{ claim: 'amr', demand, select: (claims) => claims['amr'], accepts: () => isMet },
    });
    const limits = { issuedBeforeSeconds: NOW - 100, maximumExpirationSeconds: 900 };
    const conditions = [condition('one_of ["otp"]', true), condition('one_of ["pwd"]', false)];
    checkClaims({ ...good, iat: NOW, amr: 'otp' }, rules({ ...limits, conditions }), NOW, (_, text) =>
      observed.push(text),
    );
    expect(observed).toEqual(
      expect.arrayContaining([
        `iat must not be before ${NOW - 100}`,
        'exp - iat may be 900 s',
        'condition: amr by one_of ["otp"], met; it is "otp"',
        'condition: amr by one_of ["pwd"], not met; it is "otp"',
      ]),
    );
  });

  it('tells an observer that any audience is accepted', () => {
    const observed: string[] = [];
    checkClaims(good, rules({ audience: undefined }), NOW, (_, text) => observed.push(text));
    expect(observed).toContain('aud is "orders"; accepted: any');
    expect(observed.filter((text) => text.startsWith('iat must'))).toEqual([]);
    const needy = rules({ requiredClaims: requiredClaims(['nbf']) });
    expect(checkClaims(good, needy, NOW, (_, text) => observed.push(text))?.code).toBe('claim_missing');
    expect(observed).toContain('required: nbf, missing');
  });

  it('names the missing claim as configured', () => {
    const result = checkClaims(good, rules({ requiredClaims: requiredClaims(['/a/b']) }), NOW);
    expect(result?.reason).toBe('required claim /a/b');
  });

  it.each([
    ['exp', 'a string', '1800000060'],
    ['exp', 'in milliseconds', (NOW + 60) * 1000],
    ['exp', '1e400', JSON.parse('1e400') as number],
    ['exp', 'null', null],
    ['nbf', 'a string', '1'],
    ['nbf', 'a boolean', true],
    ['iat', 'an object', {}],
    ['iat', 'hugely negative', -1e300],
  ])('refuses %s that is %s', (name, _, value) => {
    expect(code({ ...good, [name]: value })).toBe('claim_invalid');
  });

  it('takes a fraction of a second and a negative time for what they are', () => {
    expect(code({ ...good, exp: NOW + 0.5 })).toBeUndefined();
    expect(code({ ...good, exp: -1 })).toBe('token_expired');
  });

  it.each([
    ['null', null],
    ['another one', 'billing'],
    ['a longer one', 'orders-admin'],
    ['a shorter one', 'order'],
    ['in another case', 'Orders'],
    ['an empty list', []],
    ['a list of others', ['billing', 'orders2']],
    ['nested too deep', [['orders']]],
    ['an object', { orders: true }],
  ])('refuses an audience that is %s', (_, aud) => {
    expect(code({ ...good, aud })).toBe('audience_not_accepted');
  });

  it('refuses a token without an audience', () => {
    expect(code({ sub: 'u1', exp: NOW + 60 })).toBe('audience_not_accepted');
  });

  it('accepts an audience among several', () => {
    expect(code({ ...good, aud: ['billing', 'orders'] })).toBeUndefined();
  });

  it('does not look at the audience when any is accepted', () => {
    expect(code({ ...good, aud: 7 }, { audience: undefined })).toBeUndefined();
  });

  it('limits the lifetime from iat to exp, whatever the time is', () => {
    const limit = { maximumExpirationSeconds: 100 };
    expect(code({ ...good, iat: NOW - 40 }, limit)).toBeUndefined();
    expect(code({ ...good, iat: NOW - 41 }, limit)).toBe('token_lifetime_too_long');
  });

  it.each([['iat'], ['exp']])('needs %s when the lifetime is limited', (name) => {
    const claims: Record<string, unknown> = { ...good, iat: NOW };
    expect(code({ ...claims, [name]: undefined }, { maximumExpirationSeconds: 100, requiredClaims: [] })).toBe(
      'claim_invalid',
    );
    const without = Object.fromEntries(Object.entries(claims).filter(([other]) => other !== name));
    expect(code(without, { maximumExpirationSeconds: 100, requiredClaims: [] })).toBe('claim_missing');
  });
});

describe('checking the time', () => {
  const at = (claims: Record<string, unknown>, offset: number): string | undefined =>
    checkTime(claims, 10, NOW + offset)?.code;

  it.each([
    ['exp', 9.999, undefined],
    ['exp', 10, 'token_expired'],
    ['nbf', -10, undefined],
    ['nbf', -10.001, 'token_not_yet_valid'],
    ['iat', -10, undefined],
    ['iat', -10.001, 'token_not_yet_valid'],
  ])('puts the edge of %s where the leeway ends (%d s)', (name, offset, expected) => {
    expect(at({ [name]: NOW }, offset)).toBe(expected);
  });

  it('refuses a token again when the clock is set back before nbf', () => {
    expect(at({ nbf: NOW }, 0)).toBeUndefined();
    expect(at({ nbf: NOW }, -3600)).toBe('token_not_yet_valid');
  });
});
