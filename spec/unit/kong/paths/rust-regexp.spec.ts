import { describe, expect, it } from '@jest/globals';
import { headerRegExp, pathRegExp, rustRegExp } from '../../../../src/kong/paths/rust-regexp';

/** What an expression matches of a text, as the crate was seen to do it in Kong 3.9.3. */
function matched(source: string, text: string): string | null {
  const pattern = rustRegExp(source);
  if (!(pattern instanceof RegExp)) throw new Error(`${source} is ${pattern}`);
  return pattern.exec(text)?.[0] ?? null;
}

describe("an expression of Rust's regex crate", () => {
  it.each([
    ['\\d+', '٣4', '٣4'],
    ['\\w+', 'é日_1-', 'é日_1'],
    ['\\W', 'é-', '-'],
    ['\\s', '\u2003', '\u2003'],
    ['[\\w-]+', 'é-.', 'é-'],
    ['.', '\n', null],
    ['.', '😀', '😀'],
    ['a$', 'a\n', null],
    ['\\Aa\\z', 'a', 'a'],
    ['\\bé', 'aé é', 'é'],
    ['[]a]+', 'a]', 'a]'],
    ['[[:digit:]]+', '1٣', '1'],
    ['\\x41\\x{e9}\\u00e9\\U0001F600', 'Aéé😀', 'Aéé😀'],
    ['(?P<a>x)(?<b>y)(?:z)', 'xyz', 'xyz'],
    ['\\p{L}\\pN', 'é1', 'é1'],
    ['a{2,3}?', 'aaa', 'aa'],
    ['b|ab', 'ab', 'ab'],
    [']}\\-\\_', ']}-_', ']}-_'],
  ])('%s matches of %j the part %j', (source, text, part) => {
    expect(matched(source, text)).toBe(part);
  });

  it.each([
    '(',
    ')',
    '[',
    '[z-a]',
    'a{2,1}',
    '*',
    '(?=a)',
    '(?!a)',
    '(?<=a)',
    '\\1',
    '\\Z',
    '\\h',
    '\\é',
    '{',
    'a{x}',
    '\\x{110000}',
  ])('is invalid, as in Rust: %s', (source) => {
    expect(rustRegExp(source)).toBe('invalid');
  });

  it.each([
    '(?i)a',
    '(?s:.)',
    '[a&&b]',
    '[[a]b]',
    '[^\\W]',
    'a**',
    '^*',
    '\\b{start}',
    '\\<',
    '\\p{Greek}',
    '[[:^alpha:]]',
    'a|',
  ])('is not tried where it has no equal: %s', (source) => {
    expect(rustRegExp(source)).toBe('unsupported');
  });

  it('is anchored at the start of a path, but only in its first alternative', () => {
    const pattern = pathRegExp('~/a|/b') as RegExp;
    expect(['/a', '/x/a', '/b', '/x/b'].map((path) => pattern.test(path))).toEqual([true, false, true, true]);
  });

  it('is folded to lower case for a header, together with its classes', () => {
    expect((headerRegExp('~*^V\\D$') as RegExp).test('v1')).toBe(true);
  });
});
