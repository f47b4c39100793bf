import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findBearerToken, type TokenSources } from '../../../../src/core/request/bearer-token';
import { Refusal } from '../../../../src/core/refusal/refusal';
import type { RequestView } from '../../../../src/core/request/request-view';

const sources: TokenSources = {
  headerNames: ['authorization', 'x-access-token'],
  cookieNames: ['session'],
  uriParamNames: ['access_token'],
  maxTokenBytes: 300,
};
const find = (headers: RequestView['headers'], rawQuery?: string, from: Partial<TokenSources> = {}): unknown => {
  const result = findBearerToken({ headers, ...(rawQuery !== undefined && { rawQuery }) }, { ...sources, ...from });
  return result instanceof Refusal ? result.code : result;
};

describe('finding the token in Authorization', () => {
  it.each([
    ['the scheme as RFC 6750 writes it', 'Bearer abc.def.ghi'],
    ['the scheme in lower case', 'bearer abc.def.ghi'],
    ['the scheme in upper case', 'BEARER abc.def.ghi'],
    ['several blanks, which the grammar allows', 'Bearer   abc.def.ghi'],
  ])('accepts %s', (_, value) => {
    expect(find({ authorization: value })).toBe('abc.def.ghi');
  });

  it.each([
    ['a tab after the scheme', 'Bearer\tabc'],
    ['two words after the scheme', 'Bearer a b'],
    ['the scheme alone', 'Bearer'],
    ['the scheme and a blank', 'Bearer '],
    ['a token without a scheme', 'abc.def.ghi'],
    ['an empty value', ''],
    ['a comma-joined second token', 'Bearer abc, Bearer def'],
    ['another scheme after a comma', 'Bearer abc, Basic dTpw'],
    ['a Bearer hidden behind Basic', 'Basic dTpw, Bearer abc'],
    ['a Bearer hidden behind Basic without a blank', 'Basic dTpw,bearer abc'],
    ['a Bearer as the only credentials of Basic', 'Basic Bearer'],
    ['a Bearer and a token as credentials of Basic', 'Basic bearer abc'],
    ['a Bearer at the end of the credentials of Basic', 'Basic dTpw, Bearer'],
    ['something that is no scheme before a Bearer', 'ä Bearer abc'],
    ['a quoted text before a Bearer', '"x" Bearer  abc'],
    ['a line end after the token', 'Bearer  abc\ndef'],
    ['characters outside b64token', 'Bearer abc"def'],
    ['non-ASCII characters', 'Bearer äbc'],
    ['a quoted token', 'Bearer "abc"'],
    ['an equals sign in the middle', 'Bearer a=b'],
    ['two header lines', ['Bearer abc', 'Bearer abc']],
    ['a Bearer and a Basic line', ['Bearer abc', 'Basic dTpw']],
  ])('refuses %s', (_, value) => {
    expect(find({ authorization: value })).toBe('credentials_malformed');
  });

  it.each([['Basic dTpw'], ['Negotiate YII='], ['Digest username="x", realm="y"'], ['Bearerish abc'], ['xBearer abc']])(
    'finds no bearer token in %s',
    (value) => {
      expect(find({ authorization: value })).toBeUndefined();
    },
  );

  it('says of a header that was sent twice that it was', () => {
    expect(findBearerToken({ headers: { 'x-access-token': ['abc', 'abc'] } }, sources)).toMatchObject({
      code: 'credentials_malformed',
      reason: 'header x-access-token: sent more than once',
    });
  });

  it('finds nothing when nothing is there', () => {
    expect(find({})).toBeUndefined();
    expect(find(Object.create({ authorization: 'Bearer abc' }) as RequestView['headers'])).toBeUndefined();
  });

  it('refuses a token beyond the limit, and only beyond it', () => {
    expect(find({ authorization: `Bearer ${'a'.repeat(300)}` })).toBe('a'.repeat(300));
    expect(find({ authorization: `Bearer ${'a'.repeat(301)}` })).toBe('token_too_large');
  });
});

describe('finding the token elsewhere', () => {
  it('takes the whole value of another header, with or without the scheme', () => {
    expect(find({ 'x-access-token': 'abc' })).toBe('abc');
    expect(find({ 'x-access-token': 'Bearer abc' })).toBe('abc');
    expect(find({ 'x-access-token': 'Basic abc' })).toBe('credentials_malformed');
    expect(find({ 'x-access-token': '' })).toBe('credentials_malformed');
  });

  it.each([
    ['session=abc', 'abc'],
    ['a=1; session=abc; b=2', 'abc'],
    ['a=1;session=abc', 'abc'],
    ['session=abc; session=abc', 'abc'],
    ['xsession=evil; session=abc', 'abc'],
    ['session2=evil', undefined],
    ['__Host-session=evil', undefined],
    ['Session=evil', undefined],
    ['a=session=evil', undefined],
    ['session', 'credentials_malformed'],
    ['session =abc', 'abc'],
    ['session= abc ;a=1', 'abc'],
    ['session=abc; session =def', 'tokens_conflict'],
    ['session=abc; $session=def', 'abc'],
    ['session=a%62c', 'credentials_malformed'],
    ['session="abc"', 'abc'],
    ['session="abc', 'credentials_malformed'],
    ['session=""', 'credentials_malformed'],
    ['session=""abc""', 'credentials_malformed'],
    ['session="Bearer abc"', 'abc'],
    ['session=bearer  abc', 'abc'],
    ['session=Bearer%20abc', 'abc'],
    ['session=Bearer%2520abc', 'credentials_malformed'],
    ['session=Basic abc', 'credentials_malformed'],
    ['session="Bearer abc"; session=abc', 'abc'],
    ['session="Bearer abc"; session=def', 'tokens_conflict'],
    ['session.0=ab; session.1=c', 'abc'],
    ['session.1=c; a=1; session.0="ab"', 'abc'],
    ['session.0=abc', 'abc'],
    ['session.0="Bearer ab"; session.1=c', 'abc'],
    ['session.0=Bearer%20ab; session.1=c', 'abc'],
    ['session.0=ab; session.1=c; session.1=c', 'abc'],
    ['session.0=ab; session.1=c; session=abc', 'abc'],
    ['session.0=ab; session.1=c; session=ab', 'tokens_conflict'],
    ['session.0=ab; session.1=c; session.1=d', 'tokens_conflict'],
    ['session.1=abc', 'credentials_malformed'],
    ['session.0=ab; session.2=c', 'credentials_malformed'],
    ['session.0=ab; session.01=c', 'credentials_malformed'],
    ['session.0=; session.1=', 'credentials_malformed'],
    ['session.0=ab; session.9999999999999999999=c', 'credentials_malformed'],
    ['session.x=abc; session.=abc; .0=abc; session.0.1=abc; xsession.0=abc; session.-1=abc', undefined],
    [Array.from({ length: 20 }, (_, at) => `session.${at}=a`).join(';'), 'a'.repeat(20)],
    [Array.from({ length: 21 }, (_, at) => `session.${at}=a`).join(';'), 'credentials_malformed'],
    [`session.0=${'a'.repeat(200)}; session.1=${'a'.repeat(101)}`, 'token_too_large'],
    ['session=abc; session=def', 'tokens_conflict'],
  ])('reads the cookies %s', (cookie, expected) => {
    expect(find({ cookie })).toBe(expected);
  });

  it('reads cookies that HTTP/2 split over several lines', () => {
    expect(find({ cookie: ['a=1', 'session=abc'] })).toBe('abc');
  });

  it.each([
    ['access_token=abc', 'abc'],
    ['x=1&access_token=abc&y=2', 'abc'],
    ['access%5Ftoken=abc', 'abc'],
    ['access_token=a%62c', 'abc'],
    ['xaccess_token=evil', undefined],
    ['access_token[]=evil', undefined],
    ['', undefined],
    ['access_token=', 'credentials_malformed'],
    ['access_token=a+b', 'credentials_malformed'],
    ['access_token=%zz', 'credentials_malformed'],
    ['access_token', 'credentials_malformed'],
    ['access_token=abc;access_token=def', 'credentials_malformed'],
    ['x=1;access_token=evil', undefined],
    ['ACCESS_TOKEN=evil', undefined],
    ['access_token%00=evil', undefined],
    ['access_token%=evil', undefined],
    ['access_token=abc&access%5ftoken=def', 'tokens_conflict'],
    ['access_token=abc&access_token=def', 'tokens_conflict'],
  ])('reads the query %s', (query, expected) => {
    expect(find({}, query)).toBe(expected);
  });

  it('tells an observer where a token was', () => {
    const findings: string[] = [];
    const headers = { authorization: 'Bearer abc', cookie: 'session=abc' };
    findBearerToken({ headers, rawQuery: 'access_token=abc' }, sources, (_, finding) => findings.push(finding));
    expect(findings).toEqual([
      'found in the header authorization, 3 bytes',
      'found in the cookie session, 3 bytes',
      'found in the query parameter access_token, 3 bytes',
    ]);
  });

  it('reads a cookie that is named like a part of another one, when only it is listed', () => {
    const from = { cookieNames: ['session.1'] };
    expect(find({ cookie: 'session.0=ab; session.1=abc' }, undefined, from)).toBe('abc');
  });

  it.each([
    ['bearer, abc', 'abc'],
    ['chat, Bearer,abc , v2', 'abc'],
    [['chat', 'bearer, abc'], 'abc'],
    [['bearer', 'abc'], 'abc'],
    ['base64url.bearer.authorization.k8s.io.YWJj, channel', 'abc'],
    ['Base64url.Bearer.authorization.K8S.io.YWJj', 'abc'],
    ['bearer, abc, base64url.bearer.authorization.k8s.io.YWJj', 'abc'],
    ['bearer, abc, bearer, abc', 'abc'],
    ['bearer, abc, bearer, def', 'tokens_conflict'],
    ['bearer, abd, base64url.bearer.authorization.k8s.io.YWJj', 'tokens_conflict'],
    ['chat, v2', undefined],
    ['bearerish, abc', undefined],
    ['abc.def.ghi', undefined],
    ['', undefined],
    ['bearer', 'credentials_malformed'],
    ['chat, bearer', 'credentials_malformed'],
    ['bearer, , abc', 'credentials_malformed'],
    ['bearer, bearer, abc', 'credentials_malformed'],
    ['bearer, base64url.bearer.authorization.k8s.io.YWJj', 'credentials_malformed'],
    ['bearer, a"b', 'credentials_malformed'],
    ['base64url.bearer.authorization.k8s.io.', 'credentials_malformed'],
    ['base64url.bearer.authorization.k8s.io.YWJ', 'credentials_malformed'],
    ['base64url.bearer.authorization.k8s.io.YWJj=', 'credentials_malformed'],
    ['base64url.bearer.authorization.k8s.io.w6RiYw', 'credentials_malformed'],
    [`bearer, ${'a'.repeat(301)}`, 'token_too_large'],
  ])('reads the subprotocols %s of a WebSocket, where they are named', (protocols, expected) => {
    const headers = { 'sec-websocket-protocol': protocols };
    expect(find(headers, undefined, { headerNames: ['authorization', 'sec-websocket-protocol'] })).toBe(expected);
    expect(find(headers)).toBeUndefined();
  });

  it('looks only where the configuration says', () => {
    const none = { headerNames: ['authorization'], cookieNames: [], uriParamNames: [] };
    expect(find({ cookie: 'session=abc', 'x-access-token': 'abc' }, 'access_token=abc', none)).toBeUndefined();
  });

  it('accepts the same token in several places and refuses different ones', () => {
    expect(find({ authorization: 'Bearer abc', cookie: 'session=abc' }, 'access_token=abc')).toBe('abc');
    expect(find({ authorization: 'Bearer abc', cookie: 'session=def' })).toBe('tokens_conflict');
    expect(find({ authorization: 'Bearer abc' }, 'access_token=def')).toBe('tokens_conflict');
  });

  it('never finds something that is not a b64token within the limit', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (authorization, cookie, query) => {
        const found = findBearerToken({ headers: { authorization, cookie }, rawQuery: query }, sources);
        if (typeof found === 'string') expect(found).toMatch(/^[A-Za-z0-9\-._~+/]{1,300}=*$/);
      }),
    );
  });
});
