import { describe, expect, it } from '@jest/globals';
import { callerOf, CallerRefusal } from '../../../src/core/decision';
import { textOf } from '../../../src/core/claim-items';
import { groupsOf } from '../../../src/core/hand-over';
import { logEntry } from '../../../src/core/log-entry';
import { Refusal } from '../../../src/core/refusal/refusal';
import type { VerifiedToken } from '../../../src/core/verification/verified-token';

const token = {
  claims: { sub: 'u1', n: 5, roles: ['admin', 'a,b'] },
  issuer: { issuer: 'https://auth.test/' },
  caller: { tenant: undefined },
  key: { kid: 'k' },
} as unknown as VerifiedToken;
const groups = (items: readonly string[]): Parameters<typeof groupsOf>[1] => ({
  groups: { claim: 'roles', read: () => items },
});

describe('the groups for acl', () => {
  it('are nothing when the configuration names no claim', () => {
    expect(groupsOf(token, { groups: undefined })).toBeUndefined();
  });

  it('are the items of the claim, and an empty list when it has none', () => {
    expect(groupsOf(token, groups(['admin', 'user']))).toEqual(['admin', 'user']);
    expect(groupsOf(token, groups([]))).toEqual([]);
  });

  it('are refused when one of them holds the comma with which acl joins them', () => {
    expect(groupsOf(token, groups(['a,b']))).toMatchObject({ outcome: 'refuse', code: 'claim_invalid' });
  });
});

describe('the text of a claim', () => {
  it.each([
    ['text', 'text'],
    [5, '5'],
    ['', undefined],
    [1.5, undefined],
    [2 ** 53, undefined],
    [true, undefined],
    [undefined, undefined],
  ])('of %p is %p', (value, text) => {
    expect(textOf(value)).toBe(text);
  });
});

describe('a decision', () => {
  it('names the caller of a refusal when the token was verified, and nobody otherwise', () => {
    const refusal = new Refusal('forbidden', 'no rule allows it');
    expect(callerOf(new CallerRefusal(refusal, token))).toBe(token);
    expect(callerOf(refusal)).toBeUndefined();
    expect(callerOf({ outcome: 'proceed', headers: {}, token })).toBe(token);
  });

  it('is written for log plugins as log_decisions and log_user_claim say', () => {
    const refusal = new CallerRefusal(new Refusal('forbidden', 'no rule allows it'), token);
    const entry = { outcome: 'refuse', code: 'forbidden', reason: 'no rule allows it', status: 403 };
    const caller = { issuer: 'https://auth.test/', kid: 'k' };
    expect(logEntry(refusal, { logDecisions: 'none', logUser: undefined })).toBeUndefined();
    expect(logEntry(refusal, { logDecisions: 'refused', logUser: undefined })).toEqual({ ...entry, ...caller });
    const logUser = (): unknown => 'u1';
    expect(logEntry(refusal, { logDecisions: 'all', logUser })).toEqual({ ...entry, ...caller, user: 'u1' });
  });

  it('is written with the tenant of the caller, and without what the key or the claim does not say', () => {
    const ofTenant = { ...token, caller: { tenant: 'acme' }, key: { kid: null } } as unknown as VerifiedToken;
    const proceed = { outcome: 'proceed', headers: {}, token: ofTenant } as const;
    for (const user of [true, null, undefined, ['u1'], { id: 'u1' }]) {
      expect(logEntry(proceed, { logDecisions: 'all', logUser: () => user })).toEqual({
        outcome: 'proceed',
        code: 'proceed',
        issuer: 'https://auth.test/',
        tenant: 'acme',
      });
    }
  });

  it('that proceeds is written with its shadow refusal, or when all are wanted', () => {
    const proceed = { outcome: 'proceed', headers: {}, token: undefined } as const;
    const shadow = new Refusal('forbidden', 'no rule allows it');
    expect(logEntry(proceed, { logDecisions: 'refused', logUser: undefined })).toBeUndefined();
    expect(logEntry(proceed, { logDecisions: 'all', logUser: undefined })).toEqual({
      outcome: 'proceed',
      code: 'anonymous',
    });
    const ignored = new Refusal('token_expired', 'exp is past');
    expect(logEntry({ ...proceed, ignored }, { logDecisions: 'refused', logUser: undefined })).toEqual({
      outcome: 'proceed',
      code: 'anonymous',
      ignored: { code: 'token_expired', reason: 'exp is past' },
    });
    expect(logEntry({ ...proceed, token, shadow }, { logDecisions: 'refused', logUser: () => 5 })).toEqual({
      outcome: 'proceed',
      code: 'proceed',
      issuer: 'https://auth.test/',
      kid: 'k',
      user: 5,
      shadow: { code: 'forbidden', reason: 'no rule allows it' },
    });
  });
});
