import { describe, expect, it } from '@jest/globals';
import { escapePath, normalizePath, upstreamPath, withoutQuery } from '../../../../src/kong/paths/path';

describe('a path as the router sees it', () => {
  it.each([
    ['/admin', '/admin'],
    ['//admin', '/admin'],
    ['/a//b///c', '/a/b/c'],
    ['/./admin', '/admin'],
    ['/x/../admin', '/admin'],
    ['/x/%2e%2e/admin', '/admin'],
    ['/../../admin', '/admin'],
    ['/%61dmin', '/admin'],
    ['/a/..', '/'],
    ['/a/.', '/a/'],
    ['/a/b/..', '/a/'],
    ['/a/', '/a/'],
    ['/', '/'],
  ])('%s is %s', (given, seen) => {
    expect(normalizePath(given)).toBe(seen);
  });

  it.each([
    ['an escaped slash', '/a%2fadmin', '/a%2Fadmin'],
    ['an escaped percent, so nothing is undone twice', '/%2561dmin', '/%2561dmin'],
    ['an escaped semicolon', '/a%3bb', '/a%3Bb'],
    ['a semicolon', '/admin;x=1', '/admin;x=1'],
    ['case', '/ADMIN', '/ADMIN'],
    ['dots within a segment', '/a..b/.c/d.', '/a..b/.c/d.'],
    ['a percent that escapes nothing', '/100%/%zz', '/100%/%zz'],
  ])('keeps %s', (_, given, seen) => {
    expect(normalizePath(given)).toBe(seen);
  });

  it('undoes escapes byte by byte', () => {
    expect(normalizePath('/%C3%A4')).toBe('/\xc3\xa4');
  });

  it('does not take a question mark at the start for a query', () => {
    expect(withoutQuery('/a?b?c')).toBe('/a');
    expect(withoutQuery('?a?b')).toBe('?a');
  });
});

describe('the path for the service', () => {
  it.each([
    ['/orders/1', '/orders', null, '/1'],
    ['/orders', '/orders', null, '/'],
    ['/orders/', '/orders', null, '/'],
    ['/orders/1', null, null, '/orders/1'],
    ['/orders/1', '/orders', '/base', '/base/1'],
    ['/orders/1', '/orders', '/base/', '/base/1'],
    ['/orders', '/orders', '/base', '/base'],
    ['/orders/', '/orders', '/base', '/base/'],
    ['/orders', '/orders', '/base/', '/base'],
    ['/', null, '/base', '/base'],
    ['/x', '/', '/base', '/base/x'],
    ['/ordersx', '/orders', null, '/x'],
  ])('of %s without %s under %s is %s', (path, prefix, base, asked) => {
    expect(upstreamPath(path, prefix, base)).toBe(asked);
  });

  it.each(['/orders..', '/orders../admin', '/orders./admin'])('never climbs: %s', (path) => {
    expect(upstreamPath(path, '/orders', '/base')).toMatch(/^\/base(?:$|\/(?!\.))/);
  });

  it('is escaped where a request line needs it, and nowhere else', () => {
    expect(escapePath('/a b\xc3\xa4"<>%2F;=@')).toBe('/a%20b%C3%A4%22%3C%3E%2F;=@');
  });
});
