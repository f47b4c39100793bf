import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../schema/parse-config';
import { identityWriter, type IdentityWriter } from '../../../../src/core/identity/identity-headers';
import { ISSUER } from '../../../support/policy';
import { verifiedToken } from '../../../support/verified';

const config = (identityHeaders: readonly object[]): ReturnType<typeof parseConfig> =>
  parseConfig({ issuers: [ISSUER], identity_headers: identityHeaders });

function write(
  identityHeaders: readonly object[],
  claims: Record<string, unknown>,
): ReturnType<IdentityWriter['write']> {
  const parsed = config(identityHeaders);
  return identityWriter(parsed).write(verifiedToken(claims, parsed));
}

describe('identity headers', () => {
  const USER = { header: 'X-User-ID', claim: 'sub', required: true };
  const ROLES = { header: 'X-User-Roles', claim: 'roles', max_bytes: 16 };

  it('names every header that may be written', () => {
    expect(identityWriter(config([USER, ROLES])).headerNames).toEqual(['X-User-ID', 'X-User-Roles']);
  });

  it('refuses a token without a claim that is required, and leaves out a header whose claim is not there', () => {
    expect(write([USER, ROLES], { roles: ['a'] })).toMatchObject({
      code: 'claim_missing',
      reason: 'claim sub for header X-User-ID',
    });
    expect(write([USER, ROLES], { sub: 'ada' })).toEqual({ 'X-User-ID': 'ada' });
  });

  it('writes a value of exactly max_bytes, and refuses a longer one with both sizes', () => {
    expect(write([ROLES], { roles: ['1234567', '12345678'] })).toEqual({ 'X-User-Roles': '1234567,12345678' });
    expect(write([ROLES], { roles: ['12345678', '12345678'] })).toMatchObject({
      code: 'claim_invalid',
      reason: 'claim roles with 2 items is too long for header X-User-Roles: 17 bytes, max_bytes is 16',
    });
    expect(write([ROLES], { roles: 'x'.repeat(17) })).toMatchObject({
      reason: 'claim roles is too long for header X-User-Roles: 17 bytes, max_bytes is 16',
    });
  });

  it('writes a token once, and again for an observer', () => {
    const parsed = config([USER]);
    const writer = identityWriter(parsed);
    let reads = 0;
    const claims = {
      get sub() {
        reads += 1;
        return 'ada';
      },
    };
    const token = verifiedToken({ sub: 'ada' }, parsed);
    const counted = { ...token, claims } as typeof token;
    const first = writer.write(counted);
    expect(writer.write(counted)).toBe(first);
    expect(reads).toBe(1);
    const told: string[] = [];
    expect(writer.write(counted, (stage, finding) => told.push(`${stage}: ${finding}`))).toEqual(first);
    expect(told).toEqual(['identity: X-User-ID from claim sub, which is "ada"']);
    expect(reads).toBe(2);
  });

  it('keeps no refusal: a token is judged each time', () => {
    const parsed = config([USER]);
    const writer = identityWriter(parsed);
    const token = verifiedToken({}, parsed);
    const first = writer.write(token);
    expect(first).toMatchObject({ code: 'claim_missing' });
    expect(writer.write(token)).not.toBe(first);
  });
});
