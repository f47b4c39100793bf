import { describe, expect, it } from '@jest/globals';
import { hostName, parseTarget } from '../../../../src/gateway/http/request-target';

/** As it was seen with Kong 3.9.3. */
describe('the target of a request', () => {
  it.each([
    '/%zz',
    '/a/%',
    '/a%4',
    '/%00',
    '/..',
    '/../a',
    '/a/../..',
    '//../a',
    '/./../a',
    '/%2e%2e',
    '/a/.%2e/..',
    '/a%2f..%2f..',
    '/a%3f/../..',
    '/a;/../..',
    '*',
    'a',
    '?x',
    'http://u@a.test/x',
    'http:///x',
    'http:/x',
    'http://a_b.test/',
    'http://a..b/x',
    'http://a.test#f',
    'http://a.test/..',
    'http://a.test:x/',
  ])('is refused: %s', (url) => {
    expect(parseTarget(url)).toBeNull();
  });

  it.each([
    ['/a', '/a', null],
    ['/a?x', '/a', 'x'],
    ['/a?', '/a', ''],
    ['/a?%zz&%00', '/a', '%zz&%00'],
    ['/a?../..', '/a', '../..'],
    ['/a/..', '/a/..', null],
    ['/a/.../..', '/a/.../..', null],
    ['/%252e%252e', '/%252e%252e', null],
    ['/a#f?x=1', '/a#f', null],
    ['/a?x#y?z', '/a', 'x'],
    ['/a?#x', '/a', null],
    ['/a/#/../..', '/a/#/../..', null],
    ['http://a.test', '/', null],
    ['http://a.test/x?y', '/x', 'y'],
    ['HTTP://a.test:/x', '/x', null],
    ['ftp://a.test/x', '/x', null],
    ['http://[::1]/x', '/x', null],
    ['http://a.test?x', '?x', 'x'],
  ])('%s has the path %s and the query %j', (url, path, query) => {
    expect(parseTarget(url)).toMatchObject({ path, query });
  });

  it.each([
    ['A.Test:80', 'a.test'],
    ['a.:80', 'a'],
    ['[::1]:80', '[::1]'],
    ['a:80:90', 'a'],
  ])('names by %s the host %s', (host, name) => {
    expect(hostName(host)).toBe(name);
  });
});
