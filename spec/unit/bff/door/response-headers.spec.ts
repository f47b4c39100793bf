import { describe, expect, it } from '@jest/globals';
import {
  adaptRedirect,
  keepFlowing,
  keepPrivate,
  keepUnstored,
  passedHeaders,
  type PublicPlace,
} from '../../../../src/bff/door/response-headers';

describe('the headers of an answer that a browser gets', () => {
  it.each([
    ...['Connection', 'Keep-Alive', 'Proxy-Connection', 'Proxy-Authenticate', 'TE', 'Trailer', 'Transfer-Encoding'],
    ...['Upgrade', 'Set-Cookie', 'Set-Cookie2', 'Clear-Site-Data', 'Service-Worker-Allowed', 'Alt-Svc'],
    ...['X-Accel-Redirect', 'x_accel_expires'],
  ])('are without %s, also with underscores and in upper case', (name) => {
    for (const spelling of [name, name.toUpperCase(), name.replaceAll('-', '_')]) {
      expect([...passedHeaders([spelling, 'x', 'X-Answer', '1'])]).toEqual([['x-answer', '1']]);
    }
  });

  it('are without those that Connection names, in any of its lines', () => {
    const lines = [
      'X-Hop',
      '1',
      'Connection',
      'close, X-Hop',
      'connection',
      ' x_other ',
      'X-Other',
      '2',
      'X-Answer',
      '3',
    ];
    expect([...passedHeaders(lines)]).toEqual([['x-answer', '3']]);
  });

  it('have the bytes that the service sent', () => {
    expect([...passedHeaders(['X-Name', 'Zoë', 'X-Name', 'b'])]).toEqual([['x-name', 'Zo\xc3\xab, b']]);
  });
});

describe('a redirect of a service', () => {
  const place: PublicPlace = { serviceOrigin: 'http://10.0.0.7:8080', servicePath: '/v1', prefix: '/api' };
  const adapted = (location: string, changes: Partial<PublicPlace> = {}): string | null => {
    const headers = new Headers({ location });
    adaptRedirect(headers, { ...place, ...changes });
    return headers.get('location');
  };

  it.each([
    ['http://10.0.0.7:8080/v1/a?b=1#c', '/api/a?b=1#c'],
    ['HTTP://10.0.0.7:8080/v1/a', '/api/a'],
    ['http://10.0.0.7:8080/v10/a', '/api/v10/a'],
    ['http://10.0.0.7:8080/x/v1/a', '/api/x/v1/a'],
    ['http://10.0.0.7:8080/', '/api/'],
  ])('to its own %s becomes the path %s', (location, path) => {
    expect(adapted(location)).toBe(path);
  });

  it('never becomes another origin', () => {
    expect(adapted('http://10.0.0.7:8080//evil.test', { prefix: '', servicePath: '' })).toBe('/evil.test');
  });

  it.each([
    'https://10.0.0.7:8080/v1/a',
    'http://10.0.0.7/v1/a',
    'https://auth.test/',
    '/v1/a',
    'a',
    'http:',
    'x:http://10.0.0.7:8080/',
  ])('to %s is passed on as it is', (location) => {
    expect(adapted(location)).toBe(location);
  });
});

describe('the caching of an answer', () => {
  const after = (change: (headers: Headers) => void, given: Record<string, string>): Record<string, string> => {
    const headers = new Headers(given);
    change(headers);
    return Object.fromEntries(headers);
  };

  it.each([
    [undefined, 'private'],
    ['max-age=60', 'max-age=60, private'],
    ['no-cache', 'no-cache, private'],
    ['x-public', 'x-public, private'],
    ['publicly', 'publicly, private'],
    ['public', 'public'],
    ['max-age=60, public', 'max-age=60, public'],
    ['max-age=60,Public', 'max-age=60,Public'],
    ['private', 'private'],
    ['no-store', 'no-store'],
    ['s-maxage=60', 's-maxage=60'],
  ])('for a known caller is made of %j to %j', (given, expected) => {
    expect(after(keepPrivate, given === undefined ? {} : { 'cache-control': given })).toEqual({
      'cache-control': expected,
    });
  });

  it.each([
    [{}, { 'cache-control': 'no-store' }],
    [{ 'cache-control': 'public, max-age=60' }, { 'cache-control': 'no-store' }],
    [{ 'cache-control': 'private, no-transform' }, { 'cache-control': 'no-store, no-transform' }],
    [
      { 'cdn-cache-control': 'max-age=60', 'Shop-CDN-Cache-Control': 'max-age=60', 'Surrogate-Control': 'max-age=60' },
      { 'cache-control': 'no-store' },
    ],
  ])('with cookies of a session is made of %j to %j', (given, expected) => {
    expect(after(keepUnstored, given)).toEqual(expected);
  });

  it.each([
    ['text/event-stream', undefined, 'no-transform'],
    ['Text/Event-Stream; charset=utf-8', 'private', 'private, no-transform'],
  ])('of events as %s, which says %j, keeps proxies from holding them back', (type, given, expected) => {
    const headers = { 'content-type': type, ...(given !== undefined && { 'cache-control': given }) };
    expect(after(keepFlowing, headers)).toEqual({
      'content-type': type,
      'cache-control': expected,
      'x-accel-buffering': 'no',
    });
  });

  it.each(['text/event-streams', 'x-text/event-stream', 'application/json'])('is left alone for %s', (type) => {
    expect(after(keepFlowing, { 'content-type': type })).toEqual({ 'content-type': type });
    expect(after(keepFlowing, {})).toEqual({});
  });
});
