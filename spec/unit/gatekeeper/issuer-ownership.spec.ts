import { createSecretKey } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { inlineSet, IssuerDoor, tokenOf } from '../../support/issuer-door';
import { publicJwk, signingKey, type SigningKey } from '../../support/tokens';

const ISSUER = 'https://idp.example.test/';
const SECRET = '0123456789abcdef'.repeat(4);
const entry = (changes: object): object => ({ issuer: ISSUER, audiences: ['api'], ...changes });

let hs: SigningKey;
let ec: SigningKey;
let otherEc: SigningKey;
beforeAll(() => {
  hs = { ...signingKey('HS256') };
  ec = signingKey('ES256', 'ec');
  otherEc = signingKey('ES256', 'other');
});

describe('two entries of one issuer, one with a secret and one with public keys', () => {
  const config = () => ({
    issuers: [
      entry({ algorithms: ['HS256'], secret: SECRET, conditions: [{ claim: 'old', present: true }] }),
      entry({ algorithms: ['ES256'], jwks: inlineSet(ec), audience_claim: 'client_id' }),
    ],
  });

  it('accept each token by the rules of the entry with its algorithm', async () => {
    const door = new IssuerDoor();
    expect(await door.ask(config(), await tokenOf(hs, { old: true }))).toMatchObject({ 'X-User-ID': 'alice' });
    expect(await door.ask(config(), await tokenOf(ec, { client_id: 'api' }))).toMatchObject({ 'X-User-ID': 'alice' });
  });

  it('judge no token by the rules of the other entry', async () => {
    const door = new IssuerDoor();
    expect(await door.ask(config(), await tokenOf(hs, { client_id: 'api' }))).toMatchObject({ code: 'claim_invalid' });
    expect(await door.ask(config(), await tokenOf(ec, { old: true }))).toMatchObject({ code: 'audience_not_accepted' });
  });

  it('reject a token that is signed with the public key as a secret', async () => {
    const { x = '', y = '' } = publicJwk(ec) as { x?: string; y?: string };
    for (const text of [x, y, inlineSet(ec), JSON.stringify(publicJwk(ec))]) {
      const confused = { ...hs, privateKey: createSecretKey(Buffer.from(text)) };
      expect(
        await new IssuerDoor().ask(config(), await tokenOf(confused, { old: true, client_id: 'api' })),
      ).toMatchObject({
        code: 'token_untrusted',
      });
    }
  });

  it('reject a token with an algorithm of neither', async () => {
    const rsa = signingKey('RS256', 'ec');
    expect(await new IssuerDoor().ask(config(), await tokenOf(rsa))).toMatchObject({ code: 'token_untrusted' });
  });
});

describe('two entries of one issuer with one key and an algorithm each', () => {
  it('judge each token by the entry with its algorithm', async () => {
    const rsa = signingKey('RS256', 'rsa');
    const jwks = inlineSet({ ...publicJwk(rsa), alg: undefined });
    const config = {
      issuers: [
        entry({ jwks, algorithms: ['RS256'], roles_claims: ['a'] }),
        entry({ jwks, algorithms: ['PS256'], roles_claims: ['b'] }),
      ],
    };
    const door = new IssuerDoor();
    const roles = { a: ['of-a'], b: ['of-b'] };
    expect(await door.ask(config, await tokenOf(rsa, roles))).toMatchObject({ 'X-User-Roles': 'of-a' });
    expect(await door.ask(config, await tokenOf({ ...rsa, alg: 'PS256' }, roles))).toMatchObject({
      'X-User-Roles': 'of-b',
    });
    expect(await door.ask(config, await tokenOf({ ...rsa, alg: 'RS384' }, roles))).toMatchObject({
      code: 'token_untrusted',
    });
  });
});

describe('two entries of one issuer with a key set each', () => {
  const config = (first: string, second: string) => ({
    issuers: [
      entry({ jwks: first, roles_claims: ['groups'], conditions: [{ claim: 'flow', one_of: ['a'] }] }),
      entry({ jwks: second, token_types: ['at+jwt'] }),
    ],
  });
  const apart = (): object => config(inlineSet(ec), inlineSet(otherEc));

  it('read each token as the entry says whose key set holds its key', async () => {
    const door = new IssuerDoor();
    const roles = { groups: ['a'], roles: ['b'] };
    const first = await door.ask(apart(), await tokenOf(ec, { flow: 'a', ...roles }));
    expect(first).toMatchObject({ 'X-User-Roles': 'a' });
    const second = await door.ask(apart(), await tokenOf(otherEc, roles, { typ: 'at+jwt' }));
    expect(second).toMatchObject({ 'X-User-Roles': 'b' });
  });

  it('judge no token by the rules of the other entry', async () => {
    const door = new IssuerDoor();
    expect(await door.ask(apart(), await tokenOf(ec, { flow: 'b' }, { typ: 'at+jwt' }))).toMatchObject({
      code: 'claim_invalid',
    });
    expect(await door.ask(apart(), await tokenOf(otherEc, { flow: 'a' }))).toMatchObject({
      code: 'token_type_not_accepted',
    });
  });

  it('reject a token whose kid is of one set and whose signature is of the other', async () => {
    const crossed = await tokenOf(otherEc, { flow: 'a' }, { kid: 'ec', typ: 'at+jwt' });
    expect(await new IssuerDoor().ask(apart(), crossed)).toMatchObject({ code: 'token_untrusted' });
  });

  it.each(['the same key', 'another key under the same kid'])('reject a token when both sets hold %s', async (what) => {
    const twin = what === 'the same key' ? ec : { ...otherEc, kid: 'ec' };
    const sets = config(inlineSet(ec, signingKey('ES256', 'x')), inlineSet(twin));
    expect(await new IssuerDoor().ask(sets, await tokenOf(ec, { flow: 'a' }, { typ: 'at+jwt' }))).toMatchObject({
      code: 'token_untrusted',
      reason: 'two entries of the issuer have a key that fits',
    });
  });

  it('reject a token without kid that a key of each fits', async () => {
    const nameless = { ...ec, kid: undefined } as unknown as SigningKey;
    expect(
      await new IssuerDoor().ask(apart(), await tokenOf(nameless, { flow: 'a' }, { typ: 'at+jwt' })),
    ).toMatchObject({
      code: 'token_untrusted',
    });
  });
});

describe('verified tokens that configurations of one process share', () => {
  const one = (changes: object, top: object = {}): object => ({
    issuers: [entry({ jwks: inlineSet(ec), ...changes })],
    ...top,
  });

  it.each<[string, object, object, object]>([
    ['another audience claim', { audience_claim: 'client_id' }, {}, { code: 'audience_not_accepted' }],
    ['a condition', { conditions: [{ claim: 'token_use', one_of: ['access'] }] }, {}, { code: 'claim_invalid' }],
    ['a required claim', { required_claims: ['exp', 'tid'] }, {}, { code: 'claim_missing' }],
    ['token types', { token_types: ['at+jwt'] }, {}, { code: 'token_type_not_accepted' }],
    ['a claim for the caller that is not there', { caller_claims: ['oid'] }, {}, { code: 'claim_missing' }],
    ['another claim for the caller', { caller_claims: ['email'] }, {}, { 'X-User-ID': 'a@example.test' }],
    ['a prefix', { caller_prefix: 'idp:' }, {}, { 'X-User-ID': 'idp:alice' }],
    ['another claim for roles', { roles_claims: ['groups'] }, {}, { 'X-User-Roles': 'g' }],
    ['a separator of roles', { roles_claims: ['text'], roles_separator: 'comma' }, {}, { 'X-User-Roles': 'x,y' }],
    ['another leeway', {}, { maximum_expiration: 60 }, { code: 'claim_missing' }],
    ['rules by another claim', {}, { roles_claim: 'groups', authorize: [{ roles: ['r'] }] }, { code: 'forbidden' }],
  ])('are not used by one with %s', async (_, changes, top, expected) => {
    const door = new IssuerDoor();
    const token = await tokenOf(ec, { roles: ['r'], groups: ['g'], text: 'x, y', email: 'a@example.test' });
    expect(await door.ask(one({}), token)).toMatchObject({ 'X-User-ID': 'alice', 'X-User-Roles': 'r' });
    expect(await door.ask(one(changes, top), token)).toMatchObject(expected);
    expect(await door.ask(one({}), token)).toMatchObject({ 'X-User-ID': 'alice', 'X-User-Roles': 'r' });
  });
});
