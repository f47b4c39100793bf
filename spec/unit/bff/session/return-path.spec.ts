import { describe, expect, it } from '@jest/globals';
import { returnPath } from '../../../../src/bff/session/return-path';

const ORIGIN = 'https://shop.example.com';

describe('the path after a login', () => {
  it.each(['/', '/orders/7?a=1&b=//x', '/orders?next=https://evil.test', '/a%2f', '/a@b:c'])('is %s', (path) => {
    expect(returnPath(path, ORIGIN)).toBe(path);
  });

  it.each([
    ...[null, undefined, '', 'orders', 'https://evil.test', 'https:evil.test', '//evil.test', '///evil.test'],
    ...['/\\evil.test', '\\/evil.test', '/\t/evil.test', '/\n/evil.test', ' //evil.test', '/ /evil.test', '/%0a\r'],
    ...['javascript:alert(1)', 'data:text/html,x', '/x\\y', '/é', '/.//evil.test', '/..//evil.test', '/%2e//evil.test'],
    `/${'x'.repeat(1024)}`,
  ])('is / instead of %j', (text) => {
    const path = returnPath(text, ORIGIN);
    expect(path).toBe('/');
  });

  it('never leads a browser to another origin', () => {
    const pieces = ['/', '\\', '.', '..', '%2e', '%2f', '@', ':', 'evil.test', '\t', '?', '#', ';', 'https:'];
    const texts = pieces.flatMap((a) =>
      pieces.flatMap((b) => pieces.flatMap((c) => [`${a}${b}${c}`, `/${a}${b}${c}`])),
    );
    for (const text of texts) expect(new URL(returnPath(text, ORIGIN), ORIGIN).origin).toBe(ORIGIN);
  });
});
