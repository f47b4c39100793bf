import { describe, expect, it } from '@jest/globals';
import { keyUrlProblem } from '../../../../schema/rules/key-url';

describe('a URL to fetch keys from', () => {
  it.each([
    'https://auth.example.com/jwks.json',
    'https://auth.example.com:8443/a/b?c=d',
    'https://10.0.0.1/jwks',
    'http://localhost:4000/jwks',
    'http://127.0.0.1:4000/jwks',
    'http://127.9.9.9/jwks',
    'http://[::1]:4000/jwks',
  ])('may be %s', (url) => {
    expect(keyUrlProblem(url, false)).toBeNull();
  });

  it.each([
    'http://auth.example.com/jwks',
    'http://localhost.example.com/jwks',
    'http://127.0.0.1.example.com/jwks',
    'http://10.0.0.1/jwks',
    'http://[::2]/jwks',
    'http://0.0.0.0/jwks',
  ])('is not %s, unless plain http was allowed', (url) => {
    expect(keyUrlProblem(url, false)).toMatch(/^must be https: unless it is on this machine/);
    expect(keyUrlProblem(url, true)).toBeNull();
  });

  it.each(['https://user@a/', 'https://user:pass@a/', 'https://:pass@a/'])(
    'does not hold credentials, as %s',
    (url) => {
      expect(keyUrlProblem(url, true)).toBe('must not hold a user name or a password');
    },
  );

  it.each(['https://a/#', 'https://a/#keys'])('does not have a fragment, as %s', (url) => {
    expect(keyUrlProblem(url, true)).toBe('must not have a fragment');
  });

  it.each([
    ...['', 'a', '/jwks', '//a/jwks', 'https:', 'https:a', 'https:/a', 'https://', 'https:\\\\a', 'https://a\\b'],
    ...['ftp://a/', 'file:///etc/passwd', 'data:,{}', 'HTTPS://a/', ' https://a/', 'https://a/ ', 'https://a/ b'],
    ...['https://a/\n', 'https://a:99999/', 'https://[::1/'],
  ])('is not %j', (url) => {
    expect(keyUrlProblem(url, true)).toBe('must be an absolute https:// URL');
  });
});
