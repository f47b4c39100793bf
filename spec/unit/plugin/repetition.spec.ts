import { beforeAll, describe, expect, it } from '@jest/globals';
import { repetitionOfCaller, repetitionOfMissing } from '../../../plugin/jwt-identity/repetition';
import { parseConfig } from '../../../schema/parse-config';
import type { Proceed } from '../../../src/core/decision';
import type { Policy } from '../../../src/core/policy';
import { Refusal } from '../../../src/core/refusal/refusal';
import type { RequestView } from '../../../src/core/request/request-view';
import { KeyList } from '../../support/key-list';
import { ISSUER, policyOf } from '../../support/policy';
import { signingKey } from '../../support/tokens';
import { verifiedToken } from '../../support/verified';

const NOW = 1_800_000_000;
const keys = new KeyList(signingKey('ES256', 'k'));
const missing = new Refusal('token_missing', 'no bearer token');
let decision: Proceed;
beforeAll(() => {
  const token = verifiedToken({ sub: 'u1', exp: NOW + 60 }, parseConfig({ issuers: [ISSUER], leeway: 10 }));
  decision = { outcome: 'proceed', headers: {}, token };
});

const withToken: RequestView = { headers: { authorization: 'Bearer t' } };
const secondsOf = (policy: Policy, request: RequestView = withToken, now = NOW, given = decision): unknown =>
  repetitionOfCaller(request, policy, given, false, now)?.seconds;
const ofMissing = (policy: Policy, request: RequestView = { headers: {} }, refusal = missing): unknown =>
  repetitionOfMissing(request, policy, refusal)?.seconds;

describe('an answer to a verified caller', () => {
  it('is repeated while the token and its leeway last, and not from their end on', () => {
    const policy = policyOf({ worker_cache_ttl: 5 }, keys);
    expect(secondsOf(policy, withToken, NOW + 64)).toBe(5);
    expect(secondsOf(policy, withToken, NOW + 69)).toBe(1);
    expect(secondsOf(policy, withToken, NOW + 70)).toBeUndefined();
    expect(secondsOf(policy, withToken, NOW + 71)).toBeUndefined();
  });

  it('is repeated for as long as the configuration allows when the token has no end', () => {
    const token = verifiedToken({ sub: 'u1' }, parseConfig({ issuers: [ISSUER] }));
    expect(secondsOf(policyOf({}, keys), withToken, NOW, { ...decision, token })).toBe(5);
  });

  const twoHeaders = (): Policy => policyOf({ header_names: ['Authorization', 'X-Token'] }, keys);

  it.each<[string, RequestView['headers']]>([
    ['after the word Bearer and one blank', { authorization: 'Bearer t' }],
    ['alone in a header of its own', { 'x-token': 't' }],
    ['after the word Bearer in a header of its own', { 'x-token': 'Bearer t' }],
  ])('is repeated when the token stands %s', (_, headers) => {
    expect(secondsOf(twoHeaders(), { headers })).toBe(5);
  });

  // The holder of a token could otherwise fill a worker with variants of one request.
  it.each<[string, RequestView['headers']]>([
    ['something stands before Bearer', { authorization: 'x Bearer t' }],
    ['something stands after the token', { authorization: 'Bearer t x' }],
    ['there are several blanks', { authorization: 'Bearer  t' }],
    ['Authorization has a token without a scheme', { authorization: 't' }],
    ['a header of its own has something before the token', { 'x-token': ' t' }],
    ['a header of its own has something after the token', { 'x-token': 't ' }],
    ['a header has two lines', { 'x-token': ['t', 't'] }],
    ['only one of two headers is plain', { authorization: 'Bearer t', 'x-token': 't x' }],
  ])('is not repeated when %s', (_, headers) => {
    expect(secondsOf(twoHeaders(), { headers })).toBeUndefined();
  });
});

describe.each([
  ['an answer to a verified caller', secondsOf, withToken],
  ['the refusal of a request without a token', ofMissing, { headers: {} }],
] as const)('%s', (_, seconds, request) => {
  it('is repeated when nothing else decides', () => {
    expect(seconds(policyOf({}, keys), request)).toBe(5);
  });

  it.each<[string, Partial<Policy>, Partial<RequestView>]>([
    ['the path decides, whether the request names one or not', { needsPath: true }, {}],
    ['the query decides, whether the request has one or not', { needsQuery: true }, {}],
    ['the configuration forbids it', { repeatSeconds: 0 }, {}],
    ['the request has a path', {}, { path: '/orders' }],
    ['the request has a query', {}, { rawQuery: '' }],
    ['the request has a certificate', {}, { certificate: 'x' } as Partial<RequestView>],
    ['the method decides and is one that a client made up', { needsMethod: true }, { method: 'PURGE' }],
    ['the method decides and is not known', { needsMethod: true }, {}],
    ['it may be a preflight', { runOnPreflight: false, needsMethod: true }, { method: 'OPTIONS' }],
  ])('is not repeated when %s', (__, changes, members) => {
    expect(seconds({ ...policyOf({}, keys), ...changes }, { ...request, ...members })).toBeUndefined();
  });
});

describe('the refusal of a request without a token', () => {
  it('is not repeated when another plugin may know the caller, or a header that may hold a token is there', () => {
    expect(ofMissing(policyOf({ allow_authenticated: true }, keys))).toBeUndefined();
    const policy = policyOf({ header_names: ['Authorization', 'X-Token'] }, keys);
    expect(ofMissing(policy, { headers: { 'x-token': '' } })).toBeUndefined();
    expect(ofMissing(policy, { headers: { 'x-other': '' } })).toBe(5);
  });

  it('is the only refusal that is repeated', () => {
    expect(ofMissing(policyOf({}, keys), { headers: {} }, new Refusal('forbidden', ''))).toBeUndefined();
  });
});
