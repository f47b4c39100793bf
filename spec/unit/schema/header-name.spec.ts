import { describe, expect, it } from '@jest/globals';
import { foldHeaderName, headerPatternMatcher } from '../../../schema/header-name';

describe('a folded header name', () => {
  it.each(['X-User-ID', 'x-user-id', 'X_User_ID', 'x-User_id', 'X.User!ID'])('is one for %s', (name) => {
    expect(foldHeaderName(name)).toBe('x-user-id');
  });

  it('keeps names apart that no server takes for one', () => {
    expect(new Set(['xuserid', 'x-userid', 'x-user-id', 'x--user-id', 'x-user-id2'].map(foldHeaderName)).size).toBe(5);
  });
});

describe('header patterns', () => {
  const covers = headerPatternMatcher(['X-User-*', 'X_Tenant']);

  it.each(['x-user-', 'x-user-id', 'x-user-anything', 'x-tenant'])('cover %s', (name) => {
    expect(covers(name)).toBe(true);
  });

  it.each(['x-user', 'x-users-id', 'a-x-user-id', 'x-tenants', 'x-', ''])('leave %s alone', (name) => {
    expect(covers(name)).toBe(false);
  });

  it('cover nothing when there are none', () => {
    expect(headerPatternMatcher([])('x-user-id')).toBe(false);
  });
});
