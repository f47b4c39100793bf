import { describe, expect, it } from '@jest/globals';
import { headerName, HeaderList, headerValue } from '../../../../src/gateway/http/header-list';

describe('a list of headers', () => {
  const lines = [
    ['X-A', '1'],
    ['x_a', '2'],
    ['x-a', '3'],
    ['B', ''],
  ] as const;

  it('compares names without regard to case, and folds nothing else', () => {
    const list = new HeaderList(lines);
    expect(list.values('x-A')).toEqual(['1', '3']);
    expect(list.first('X_A')).toBe('2');
    expect(list.first('b')).toBe('');
    expect(list.first('c')).toBeNull();
  });

  it('gives a table by names in lower case, which is cut without a word', () => {
    const list = new HeaderList(lines);
    expect([...list.table()]).toEqual([
      ['x-a', ['1', '3']],
      ['x_a', ['2']],
      ['b', ['']],
    ]);
    expect([...list.table(2).keys()]).toEqual(['x-a', 'x_a']);
  });

  it('sets a header in the place and the spelling of its first line', () => {
    const list = new HeaderList(lines);
    list.set('x-a', ['7', '8']);
    expect(list.toRaw()).toEqual(['X-A', '7', 'x-a', '8', 'x_a', '2', 'B', '']);
  });

  it('removes a header that is set to nothing', () => {
    const list = new HeaderList(lines);
    list.set('X-A', []);
    list.remove('x_a');
    expect(list.toRaw()).toEqual(['B', '']);
  });

  it('holds names that mean something in JavaScript', () => {
    const list = new HeaderList([
      ['__proto__', '1'],
      ['constructor', '2'],
    ]);
    expect(list.table().get('__proto__')).toEqual(['1']);
    expect(list.first('toString')).toBeNull();
  });
});

describe('what a plugin sets', () => {
  it.each([
    ['a\r\nX-Evil: 1', 'a%0D%0AX-Evil: 1'],
    ['a\0b\x7f', 'a%00b%7F'],
    ['a\tb', 'a\tb'],
    ['ä', '\xc3\xa4'],
  ])('as value %j is sent as %j', (text, value) => {
    expect(headerValue(text)).toBe(value);
  });

  it.each([
    ['X-Good_1', 'X-Good_1'],
    ['X Bad', 'X%20Bad'],
    ['X:\r\nY', 'X%3A%0D%0AY'],
  ])('as name %j is sent as %j', (text, name) => {
    expect(headerName(text)).toBe(name);
  });
});
