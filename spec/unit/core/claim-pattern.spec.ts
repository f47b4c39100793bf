import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { claimPattern } from '../../../src/core/claim-pattern';

describe('a claim pattern', () => {
  it.each([
    ['acme', 'acme'],
    ['*@example.com', 'zoe@example.com'],
    ['*@example.com', '@example.com'],
    ['acme/*', 'acme/'],
    ['acme/*', 'acme/orders/7'],
    ['arn:aws:iam::*:role/*', 'arn:aws:iam::123456789012:role/reader'],
    ['a*b*c', 'abc'],
    ['a*b*c', 'a-b-b-c-c'],
    ['*b*', 'abc'],
    ['a**c', 'abc'],
    ['aa*aa', 'aaaa'],
    ['x.y', 'x.y'],
    ['[a-z]+', '[a-z]+'],
    ['Zoë*', 'Zoë'],
  ])('%j matches %j', (pattern, text) => {
    expect(claimPattern(pattern)(text)).toBe(true);
  });

  it.each([
    ['acme', 'acme2'],
    ['acme', 'xacme'],
    ['acme', 'Acme'],
    ['acme', ''],
    ['*@example.com', 'zoe@example.com.evil.net'],
    ['*@example.com', 'zoe@example.comx'],
    ['*@example.com', 'zoe@EXAMPLE.com'],
    ['*@example.com', 'zoe@evil.net\n@example.com'],
    ['acme/*', 'xacme/y'],
    ['acme/*', 'acme'],
    ['a*b*c', 'acb'],
    ['aa*aa', 'aaa'],
    ['ab*ba', 'aba'],
    ['x.y', 'xzy'],
    ['a*', `a${'b'.repeat(4096)}`],
  ])('%j does not match %j', (pattern, text) => {
    expect(claimPattern(pattern)(text)).toBe(false);
  });

  it('decides like the same pattern written as an expression', () => {
    const words = fc.stringMatching(/^[ab*]{0,8}$/);
    fc.assert(
      fc.property(words, fc.stringMatching(/^[ab]{0,12}$/), (pattern, text) => {
        const expression = new RegExp(`^${pattern.replaceAll('*', '.*')}$`);
        expect(claimPattern(pattern)(text)).toBe(expression.test(text));
      }),
      { numRuns: 2_000 },
    );
  });

  it('is not slowed down by what makes backtracking explode', () => {
    // As an expression this takes longer than anyone would wait: every star could end anywhere.
    const matches = claimPattern(`${'*a'.repeat(120)}*b`);
    expect(matches(`${'a'.repeat(4_000)}c`)).toBe(false);
  });
});
