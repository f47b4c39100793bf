import { describe, expect, it } from '@jest/globals';
import { hideCredentials } from '../../../../src/core/request/credential-hiding';
import type { RequestView } from '../../../../src/core/request/request-view';

const sources = {
  headerNames: ['authorization', 'x-access-token'],
  cookieNames: ['session'],
  uriParamNames: ['access_token'],
  maxTokenBytes: 300,
};
const hide = (headers: RequestView['headers'], rawQuery?: string): unknown =>
  hideCredentials({ headers, ...(rawQuery !== undefined && { rawQuery }) }, sources);

describe('hiding the credentials', () => {
  it('removes every header that held the token', () => {
    expect(hide({ authorization: 'Bearer abc', 'x-access-token': 'abc', accept: '*/*' })).toEqual({
      headers: { authorization: [], 'x-access-token': [] },
      rawQuery: undefined,
    });
  });

  it('leaves credentials of another scheme', () => {
    expect(hide({ authorization: 'Basic dTpw' })).toEqual({ headers: {}, rawQuery: undefined });
  });

  it.each([
    ['two lines', ['Basic dTpw', 'Bearer abc']],
    ['a tab', 'Bearer\tabc'],
    ['a bare token', 'abc.def.ghi'],
    ['a hidden Bearer', 'Basic dTpw, Bearer abc'],
    ['nothing', ''],
  ])('removes an Authorization header that nobody could read: %s', (_, authorization) => {
    expect(hide({ authorization })).toEqual({ headers: { authorization: [] }, rawQuery: undefined });
  });

  it.each([
    ['session=abc', []],
    ['a=1; session=abc; b=2', 'a=1; b=2'],
    ['session=abc; a=1', 'a=1'],
    ['session=abc; a=1; session=abc', 'a=1'],
    ['a=1; session =abc', 'a=1'],
    ['session', []],
    ['session.0=ab; a=1; session.1=c', 'a=1'],
    ['session.7=ab; session="Bearer abc"', []],
    ['session.01=ab; session.x=1', 'session.x=1'],
  ])('takes the cookie out of %s', (cookie, expected) => {
    expect(hide({ cookie })).toEqual({ headers: { cookie: expected }, rawQuery: undefined });
  });

  it('does not touch other cookies', () => {
    expect(hide({ cookie: 'a=1; b=2' })).toStrictEqual({ headers: {}, rawQuery: undefined });
  });

  it.each([
    ['bearer, abc, chat, v2', 'chat, v2'],
    [['chat', 'bearer', 'abc'], 'chat'],
    ['base64url.bearer.authorization.k8s.io.YWJj, channel', 'channel'],
    ['base64url.bearer.authorization.k8s.io.!!, channel', 'channel'],
    ['base64url.bearer.authorization.k8s.io.YWJj', []],
    ['Bearer, abc', 'Bearer'],
    ['bearer, abc, bearer, def', 'bearer'],
    ['chat, bearer', 'chat'],
    ['bearer, bearer, abc, chat', 'chat'],
  ])('takes the token out of the subprotocols %s', (protocols, expected) => {
    const headers = { 'sec-websocket-protocol': protocols };
    const own = { ...sources, headerNames: ['sec-websocket-protocol'] };
    expect(hideCredentials({ headers }, own).headers).toEqual({ 'sec-websocket-protocol': expected });
    expect(hide(headers)).toEqual({ headers: {}, rawQuery: undefined });
  });

  it('does not touch subprotocols without a token', () => {
    const own = { ...sources, headerNames: ['sec-websocket-protocol'] };
    expect(hideCredentials({ headers: { 'sec-websocket-protocol': 'chat,v2' } }, own).headers).toEqual({});
  });

  it.each([
    ['access_token=abc', ''],
    ['x=%20&access_token=abc&y', 'x=%20&y'],
    ['access%5ftoken=abc&z=1', 'z=1'],
    ['x=1', undefined],
  ])('takes the parameter out of %s and leaves the rest byte for byte', (query, expected) => {
    expect(hide({}, query)).toEqual({ headers: {}, rawQuery: expected });
  });

  it('leaves the query alone when no parameter may hold a token', () => {
    expect(hideCredentials({ headers: {}, rawQuery: 'access_token=x' }, { ...sources, uriParamNames: [] })).toEqual({
      headers: {},
      rawQuery: undefined,
    });
  });
});
