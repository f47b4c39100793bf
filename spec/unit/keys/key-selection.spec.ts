import { describe, expect, it } from '@jest/globals';
import type { VerificationKey } from '../../../src/core/verification/key-source';
import { importJwk } from '../../../src/keys/jwk-import';
import { restrictKeys, selectKey } from '../../../src/keys/key-selection';
import { publicJwk, signingKey } from '../../support/tokens';

const keyOf = (jwk: unknown): VerificationKey => importJwk(jwk, false) as VerificationKey;
const without = (jwk: Record<string, unknown>, ...names: string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !names.includes(name)));

const rsa = publicJwk(signingKey('RS256', 'rsa'));
const anyRsa = keyOf(without(rsa, 'alg'));
const [ec, otherEc, nameless] = [
  keyOf(publicJwk(signingKey('ES256', 'ec'))),
  keyOf(publicJwk(signingKey('ES256', 'ec-2'))),
  keyOf(publicJwk(signingKey('ES384'))),
];

describe('the key for a token', () => {
  it('is the one with its kid', () => {
    expect(selectKey([ec, otherEc, anyRsa], { alg: 'ES256', kid: 'ec-2' })).toEqual({ status: 'found', key: otherEc });
    expect(selectKey([ec, otherEc, anyRsa], { alg: 'PS512', kid: 'rsa' })).toEqual({ status: 'found', key: anyRsa });
  });

  it('is none when no key has its kid, even if only one could do its alg', () => {
    for (const kid of ['', 'EC', 'ec ', '__proto__', 'ec'.repeat(5000), '/etc/passwd', 'https://evil.test/jwks']) {
      expect(selectKey([ec], { alg: 'ES256', kid })).toEqual({ status: 'not_found', reason: 'no_matching_key' });
    }
    expect(selectKey([nameless], { alg: 'ES384', kid: 'k' })).toMatchObject({ status: 'not_found' });
  });

  it('is none when the key with its kid cannot do its alg', () => {
    expect(selectKey([ec, anyRsa], { alg: 'RS256', kid: 'ec' })).toMatchObject({ reason: 'no_matching_key' });
    expect(selectKey([keyOf(rsa)], { alg: 'PS256', kid: 'rsa' })).toMatchObject({ reason: 'no_matching_key' });
  });

  it('is, without a kid, the only one that can do its alg', () => {
    expect(selectKey([ec, nameless], { alg: 'ES384', kid: undefined })).toEqual({ status: 'found', key: nameless });
    expect(selectKey([ec, nameless], { alg: 'ES256', kid: undefined })).toEqual({ status: 'found', key: ec });
    expect(selectKey([], { alg: 'ES256', kid: undefined })).toMatchObject({ reason: 'no_matching_key' });
  });

  it('is, without a kid, one of the three that can do its alg, in their order, and none of four', () => {
    const [third, fourth] = ['ec-3', 'ec-4'].map((kid) => keyOf(publicJwk(signingKey('ES256', kid))));
    const [all, none] = [{ alg: 'ES256', kid: undefined } as const, { reason: 'ambiguous_key' }];
    expect(selectKey([ec, anyRsa, otherEc], all)).toEqual({ status: 'found', key: ec, others: [otherEc] });
    expect(selectKey([third!, ec, otherEc], all)).toEqual({ status: 'found', key: third, others: [ec, otherEc] });
    expect(selectKey([ec, otherEc, third!, fourth!], all)).toMatchObject(none);
  });

  it('is one key when it is listed twice: with and without alg, or under two kids', () => {
    const [narrow, wide] = [keyOf(rsa), anyRsa];
    for (const kid of ['rsa', undefined]) {
      expect(selectKey([wide, narrow], { alg: 'RS256', kid })).toEqual({ status: 'found', key: wide });
      expect(selectKey([narrow, wide], { alg: 'RS256', kid })).toEqual({ status: 'found', key: narrow });
      expect(selectKey([narrow, wide], { alg: 'PS256', kid })).toEqual({ status: 'found', key: wide });
    }
    const again = [ec, otherEc, { ...ec, kid: 'a' }, { ...otherEc, kid: 'b' }, { ...ec, kid: 'c' }];
    expect(selectKey(again, { alg: 'ES256', kid: undefined })).toEqual({ status: 'found', key: ec, others: [otherEc] });
    const renamed = Array.from({ length: 5 }, (_, index) => ({ ...ec, kid: `ec-${index}` }));
    expect(selectKey(renamed, { alg: 'ES256', kid: undefined })).toEqual({ status: 'found', key: renamed[0] });
  });

  it('is none when two have the same kid and could do its alg', () => {
    const twin = { ...otherEc, kid: 'ec' };
    expect(selectKey([ec, twin], { alg: 'ES256', kid: 'ec' })).toEqual({
      status: 'not_found',
      reason: 'ambiguous_key',
    });
  });

  it('is told apart by alg when two have the same kid', () => {
    const twin = { ...anyRsa, kid: 'ec' };
    expect(selectKey([ec, twin], { alg: 'RS256', kid: 'ec' })).toEqual({ status: 'found', key: twin });
  });
});

describe('a key whose JWK names an issuer (Entra ID)', () => {
  const iss = (tenant: string): string => `https://login.example.test/${tenant}/v2.0`;
  const [TENANT, OTHER] = ['9188040d-6c67-4c5b-b112-36a304b66dad', '8f5e4b1c-0a55-4e1b-8c3a-6f2a1c1f9b70'];

  it.each([
    ['found', iss(TENANT), iss(TENANT)],
    ['not_found', iss(TENANT), iss(OTHER)],
    ['not_found', iss(TENANT), `${iss(TENANT)}/`],
    ['found', iss('{tenantid}'), iss(TENANT)],
    ['not_found', iss('{tenantid}'), iss('')],
    ['not_found', iss('{tenantid}'), iss(`${TENANT}/${OTHER}`)],
    ['not_found', iss('{tenantid}'), `https://sts.example.test/${TENANT}/v2.0`],
    ['not_found', 'https://{a}.example.test/{b}/', 'https://x.example.test/y/'],
  ])('is %s when it names %s and the token is of %s', (status, issuer, of) => {
    expect(selectKey([{ ...ec, issuer }], { alg: 'ES256', kid: 'ec', iss: of })).toMatchObject({ status });
  });

  it('is not taken for another key with its kid', () => {
    const [one, two] = [
      { ...ec, issuer: iss(TENANT) },
      { ...otherEc, kid: 'ec', issuer: iss(OTHER) },
    ];
    expect(selectKey([one, two], { alg: 'ES256', kid: 'ec', iss: iss(OTHER) })).toEqual({ status: 'found', key: two });
  });

  it('is found for every token where nobody says that keys name issuers, as is one that names none', () => {
    expect(selectKey([{ ...ec, issuer: iss(TENANT) }], { alg: 'ES256', kid: 'ec' })).toMatchObject({ status: 'found' });
    expect(selectKey([ec], { alg: 'ES256', kid: 'ec', iss: iss(TENANT) })).toMatchObject({ status: 'found' });
  });
});

describe('keys of an issuer that names its algorithms', () => {
  it('lose the others, and those that are left with none go', () => {
    expect(restrictKeys([ec, anyRsa], ['RS256'])).toEqual([{ ...anyRsa, algorithms: ['RS256'] }]);
    expect(restrictKeys([ec, anyRsa], [])).toEqual([ec, anyRsa]);
  });
});
