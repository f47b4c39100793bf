import { beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../schema/parse-config';
import { CallerRefusal, type Decision } from '../../../../src/core/decision';
import { decide } from '../../../../src/core/pipeline';
import { compilePolicy } from '../../../../src/core/policy';
import { Refusal } from '../../../../src/core/refusal/refusal';
import type { RevocationCheck } from '../../../../src/core/verification/revocation';
import { createTokenCache, type TokenCache } from '../../../../src/core/verification/token-cache';
import { KeyList } from '../../../support/key-list';
import { ISSUER } from '../../../support/policy';
import { signingKey, signToken, type SigningKey } from '../../../support/tokens';

const NOW = 1_800_000_000;
const REVOKED = new Refusal('token_revoked', 'a list names its jti');
let key: SigningKey;
let keys: KeyList;
let cache: TokenCache;
beforeAll(() => {
  key = signingKey('ES256', 'k');
});
beforeEach(() => {
  keys = new KeyList(key);
  cache = createTokenCache();
});

const tokenOf = (claims: object = {}): Promise<string> =>
  signToken(key, { iss: ISSUER.issuer, sub: 'u1', aud: 'orders', iat: NOW - 60, exp: NOW + 60, ...claims });
const ask = async (
  token: string,
  check: RevocationCheck | undefined,
  issuer: object = {},
  findings: string[] = [],
): Promise<Decision> => {
  const config = parseConfig({ issuers: [{ ...ISSUER, ...issuer }] });
  const policy = compilePolicy(
    config,
    () => keys,
    undefined,
    () => check,
  );
  const observe = (_: string, finding: string): void => void findings.push(finding);
  return decide({ headers: { authorization: `Bearer ${token}` } }, policy, cache, () => NOW, observe);
};

describe('the check of revocations', () => {
  it('is asked about every request, also when the verification is cached', async () => {
    const token = await tokenOf();
    expect(await ask(token, () => undefined)).toMatchObject({ outcome: 'proceed' });
    expect(await ask(token, () => REVOKED)).toMatchObject({ outcome: 'refuse', code: 'token_revoked' });
    expect(keys.lookups).toBe(1);
  });

  it('is waited for, and its refusal names the caller for the log', async () => {
    const token = await tokenOf();
    expect(await ask(token, () => Promise.resolve(undefined))).toMatchObject({ outcome: 'proceed' });
    const refused = await ask(token, () => Promise.resolve(REVOKED));
    expect(refused).toBeInstanceOf(CallerRefusal);
    expect(refused).toMatchObject({ token: { claims: { sub: 'u1' } } });
  });

  it('is told the verified token and the time, and no token that was not verified', async () => {
    const told: unknown[] = [];
    const check: RevocationCheck = ({ claims }, nowSeconds) => {
      told.push([claims['sub'], nowSeconds]);
      return undefined;
    };
    await ask(await tokenOf({ exp: NOW - 60 }), check);
    await ask(await tokenOf(), check);
    expect(told).toEqual([['u1', NOW]]);
  });

  it('makes the decision fail, and so refuses the request, when it breaks', async () => {
    const broken = (): never => {
      throw new Error('broken');
    };
    await expect(ask(await tokenOf(), broken)).rejects.toThrow('broken');
    await expect(ask(await tokenOf(), () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });

  it('is not asked where there is none', async () => {
    expect(await ask(await tokenOf(), undefined)).toMatchObject({ outcome: 'proceed' });
  });
});

describe('revoke_issued_before', () => {
  it.each([
    [NOW - 1, 'token_revoked'],
    [NOW - 1.5, 'token_revoked'],
    [undefined, 'claim_missing'],
  ])('refuses a token with the iat %s', async (iat, code) => {
    const findings: string[] = [];
    const decision = await ask(await tokenOf({ iat }), undefined, { revoke_issued_before: NOW }, findings);
    expect(decision).toMatchObject({ outcome: 'refuse', code });
    expect(findings).toContain(`iat must not be before ${NOW}`);
  });

  it('accepts a token that was issued at that time, and also one from before when it is taken away', async () => {
    expect(await ask(await tokenOf({ iat: NOW }), undefined, { revoke_issued_before: NOW })).toMatchObject({
      outcome: 'proceed',
    });
    const older = await tokenOf();
    expect(await ask(older, undefined, { revoke_issued_before: NOW })).toMatchObject({ code: 'token_revoked' });
    expect(await ask(older, undefined)).toMatchObject({ outcome: 'proceed' });
  });

  it('ends a token whose verification is cached', async () => {
    const token = await tokenOf();
    expect(await ask(token, undefined)).toMatchObject({ outcome: 'proceed' });
    expect(await ask(token, undefined, { revoke_issued_before: NOW })).toMatchObject({ code: 'token_revoked' });
  });
});

describe('a policy without anybody who reads lists', () => {
  it.each<readonly [string, object]>([
    ['a list', { revocation_lists: [{ file: '/revoked.json' }] }],
    ['status lists', { issuers: [{ ...ISSUER, status_list: { uri_prefixes: [ISSUER.issuer] } }] }],
  ])('cannot be compiled from a configuration with %s', (_, changes) => {
    const config = parseConfig({ issuers: [ISSUER], ...changes });
    expect(() => compilePolicy(config, () => keys)).toThrow('config.revocation_lists: are not read here');
  });
});
