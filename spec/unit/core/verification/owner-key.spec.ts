import { describe, expect, it } from '@jest/globals';
import { findOwnerKey } from '../../../../src/core/verification/owner-key';
import type { KeyLookup, KeyRequest, VerificationKey } from '../../../../src/core/verification/key-source';
import type { TokenOwner } from '../../../../src/core/verification/trusted-issuer';
import { trustedIssuer } from '../../../support/verified';

const ISS = 'https://idp.example.test/';
const key = { kid: 'k', algorithms: ['ES256'], key: {} } as unknown as VerificationKey;
const FOUND: KeyLookup = { status: 'found', key };
const MISSING: KeyLookup = { status: 'not_found', reason: 'no_matching_key' };
const gone = (retryAfterSeconds: number, cause?: string): KeyLookup => ({
  status: 'unavailable',
  retryAfterSeconds,
  cause,
});

/** An entry, and what its keys were asked for. */
function ownerOf(
  lookup: KeyLookup,
  algorithms = ['ES256'],
  tokenTypes: string[] = [],
): TokenOwner & { asked: KeyRequest[] } {
  const asked: KeyRequest[] = [];
  const keys = {
    find: (request: KeyRequest) => {
      asked.push(request);
      return lookup;
    },
    holds: () => true,
  };
  const changes = { algorithms: new Set(algorithms), tokenTypes: new Set(tokenTypes) };
  return { issuer: trustedIssuer(ISS, keys, changes), keys, tenant: undefined, asked };
}
const find = (owners: readonly TokenOwner[], header: object = {}): ReturnType<typeof findOwnerKey> =>
  findOwnerKey(owners, { alg: 'ES256', kid: 'k', ...header }, ISS);

describe('the entry that judges a token, of several for one issuer', () => {
  it('is the one that accepts its alg, and the keys of the others are not asked', async () => {
    const [own, other] = [ownerOf(FOUND), ownerOf(FOUND, ['HS256'])];
    expect(await find([other, own])).toMatchObject({ owner: own, alg: 'ES256', keys: FOUND });
    expect(other.asked).toEqual([]);
    expect(await find([other, own], { alg: 'HS256' })).toMatchObject({ owner: other });
    expect(own.asked).toHaveLength(1);
  });

  it('is the one whose key set has the key', async () => {
    const [own, other] = [ownerOf(FOUND), ownerOf(MISSING)];
    expect(await find([other, own])).toMatchObject({ owner: own });
    expect(await find([own, other])).toMatchObject({ owner: own });
  });

  it('is the one whose key set has the key, also while the other set is not available', async () => {
    const own = ownerOf(FOUND);
    expect(await find([ownerOf(gone(5)), own])).toMatchObject({ owner: own });
  });

  it('judges the type by its own list only', async () => {
    expect(await find([ownerOf(MISSING), ownerOf(FOUND, ['ES256'], ['at+jwt'])])).toMatchObject({
      code: 'token_type_not_accepted',
    });
    const own = ownerOf(FOUND);
    expect(await find([ownerOf(MISSING, ['ES256'], ['at+jwt']), own])).toMatchObject({ owner: own });
  });

  it.each<[string, KeyLookup[], object]>([
    [
      'two sets have the key',
      [FOUND, FOUND],
      { code: 'token_untrusted', reason: 'two entries of the issuer have a key that fits' },
    ],
    ['no set has it', [MISSING, MISSING], { code: 'token_untrusted', reason: 'no_matching_key' }],
    ['one set has two of it', [MISSING, { status: 'not_found', reason: 'ambiguous_key' }], { reason: 'ambiguous_key' }],
    [
      'a set that may have it is not available',
      [MISSING, gone(9), gone(5)],
      { code: 'keys_unavailable', hints: { retryAfterSeconds: 5 } },
    ],
    [
      'a set is not available and says why',
      [gone(9), gone(5, 'refused')],
      { code: 'keys_unavailable', hints: { retryAfterSeconds: 5, hint: 'the last fetch failed: refused' } },
    ],
    [
      'no set has it and the last fetch of one failed',
      [MISSING, { ...MISSING, cause: 'no usable key' }],
      { reason: 'no_matching_key', hints: { hint: 'the last fetch failed: no usable key' } },
    ],
    ['no set has it and no fetch failed', [MISSING], { reason: 'no_matching_key', hints: {} }],
  ])('is nobody when %s', async (_, lookups, refusal) => {
    expect(await find(lookups.map((lookup) => ownerOf(lookup)))).toMatchObject(refusal);
  });

  it('is nobody when none accepts the alg, and no keys are asked', async () => {
    const owners = [ownerOf(FOUND), ownerOf(FOUND)];
    expect(await find(owners, { alg: 'RS256' })).toMatchObject({ code: 'token_untrusted' });
    expect(await find(owners, { alg: undefined })).toMatchObject({ code: 'token_malformed' });
    expect(owners.flatMap(({ asked }) => asked)).toEqual([]);
  });

  it('is nobody when there is no entry', async () => {
    expect(await find([])).toMatchObject({ code: 'token_untrusted', reason: 'iss is none of the issuers' });
  });

  it('is nobody when no set has the key, and an observer is told what the sets have', async () => {
    const observed: string[] = [];
    const described = ownerOf(MISSING);
    const owners = [{ ...described, keys: { ...described.keys, findings: () => ['one key'] } }, ownerOf(MISSING)];
    await findOwnerKey(owners, { alg: 'ES256', kid: 'k' }, ISS, (_, text) => observed.push(text));
    expect(observed).toEqual(['one key']);
  });

  it('is nobody for a malformed kid, and no keys are asked', async () => {
    const owners = [ownerOf(FOUND), ownerOf(FOUND)];
    expect(await find(owners, { kid: 7 })).toMatchObject({ code: 'token_malformed' });
    expect(owners.flatMap(({ asked }) => asked)).toEqual([]);
  });
});
