import { describe, expect, it } from '@jest/globals';
import { requestPath } from '../../../../src/bff/door/request-path';

const pathOf = (target: string): string | undefined => requestPath(new URL(target, 'https://shop.test').pathname);

describe('the path of a request', () => {
  it.each([
    ['/orders', '/orders'],
    ['/orders/', '/orders/'],
    ['/', '/'],
    ['/orders/a%20b', '/orders/a b'],
    ['/orders/c%23', '/orders/c%23'],
    ['/orders/é', '/orders/\xc3\xa9'],
    ['/orders/%c3%a9', '/orders/\xc3\xa9'],
    ["/orders/a:b@c!$&'()*+,=~", "/orders/a:b@c!$&'()*+,=~"],
    ['/orders/...', '/orders/...'],
    // The URL parser has resolved it: the service is asked for /admin, and the route of /admin decides.
    ['/orders/../admin', '/admin'],
    ['/orders/%2e%2E/admin', '/admin'],
    ['/orders/.%2e\\admin', '/admin'],
  ])('is read from %s as %s', (target, path) => {
    expect(pathOf(target)).toBe(path);
  });

  it.each([
    ['two slashes', '/orders//admin'],
    ['two slashes at its start', '/.//orders'],
    ['backslashes, which browsers turn into slashes', '/orders/\\admin'],
    ['an escaped slash', '/orders/..%2fadmin'],
    ['an escaped slash in upper case', '/orders/..%2Fadmin'],
    ['an escaped backslash', '/orders/..%5cadmin'],
    ['an escaped percent sign', '/orders/%252e%252e/admin'],
    ['an escaped dot in a segment', '/orders/a%2ejson'],
    ['an escaped letter', '/%61dmin'],
    ['an escaped letter in upper case', '/%41dmin'],
    ['an escaped digit', '/v%31/orders'],
    ['an escaped tilde', '/%7eada'],
    ['a NUL', '/orders/%00'],
    ['a line feed', '/orders/%0a'],
    ['a DEL', '/orders/%7f'],
    ['a semicolon', '/orders;x/admin'],
    ['a semicolon after dots', '/orders/..;/admin'],
    ['an escaped semicolon', '/orders%3bx/admin'],
    ['a broken escape', '/orders/%zz'],
    ['half an escape', '/orders/%4'],
  ])('is not normal with %s', (_, target) => {
    expect(pathOf(target)).toBeUndefined();
  });

  it('is not normal with an escape of any character that stands for itself, and normal with any other', () => {
    const codes = Array.from({ length: 128 }, (_, code) => code);
    const needless = codes.filter((code) => /[\u0000-\u001f\u007f\w.~%/;\\-]/.test(String.fromCharCode(code)));
    const refused = codes.filter((code) => requestPath(`/%${code.toString(16).padStart(2, '0')}`) === undefined);
    expect(refused).toEqual(needless);
  });

  it('is not normal when it is handed over with dots or without a slash', () => {
    for (const path of ['/a/../b', '/a/.', '', 'a', '/a\\b', '/a b', '/é']) expect(requestPath(path)).toBeUndefined();
  });
});
