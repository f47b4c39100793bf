import { describe, expect, it } from '@jest/globals';
import { luaPattern } from '../../../../src/kong/schema-language/lua-pattern';

describe('a Lua pattern as a RegExp', () => {
  // What Lua 5.1 says of each, by its manual §5.4.1.
  it.each([
    ['abc', ['xabcx'], ['ab']],
    ['^abc', ['abcx'], ['xabc']],
    ['abc$', ['xabc'], ['abcx']],
    ['a$b', ['a$b'], ['ab', 'a']],
    ['^a.c$', ['abc', 'a\nc'], ['ac']],
    ['^%a+$', ['aZ'], ['a1', '', 'ä']],
    ['^%d%l%u%x$', ['1aAf'], ['aaAf', '1AAf', '1aaf', '1aAg']],
    ['^%w*$', ['', 'aZ09'], ['_', '-']],
    ['^%s$', [' ', '\t', '\n', '\v', '\f', '\r'], ['\u00a0', 'a']],
    ['%c', ['a\u0000b', '\u001f', '\u007f', '\n'], [' ~', '']],
    ['^%p+$', ['!/:@[`{~_-'], ['a', ' ']],
    ['^%.%%%-%]$', ['.%-]'], ['a%-]', '.%-']],
    ['^a-b$', ['b', 'aab'], ['a', 'a-b']],
    ['^ab?c$', ['ac', 'abc'], ['abbc']],
    ['^[%w_-]+$', ['a-b_c9'], ['a.b', '']],
    ['^[a-c%d]+$', ['abc1'], ['d', '-']],
    ['^[^%c/]+$', ['abc'], ['a/b', 'a\tb']],
    ['^[]x]+$', [']x'], ['[', '']],
    ['^[!#-[%]^-~]+$', ['!#Z[]^z~'], ['"', '\\', ' ', '\u007f']],
    ['^[a^]+$', ['a^'], ['b']],
    ['^[%a-z]+$', ['a-z'], ['1']],
    ['{|}', ['a{|}'], ['|', '{']],
    ['', ['', 'a'], []],
  ])('reads %s as Lua does', (pattern, matching, others) => {
    const regExp = luaPattern(pattern);
    expect(matching.filter((text) => !regExp.test(text))).toEqual([]);
    expect(others.filter((text) => regExp.test(text))).toEqual([]);
  });

  it.each(['(a)', 'a()', '%b()', '%f[a]', '%1', '%S', '[%S]', '%', '[a', 'ä', '[ä]'])(
    'refuses %s rather than read it wrongly',
    (pattern) => {
      expect(() => luaPattern(pattern)).toThrow(`schema: Lua pattern '${pattern}' is not supported`);
    },
  );
});
