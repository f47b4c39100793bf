import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encodeHeaderValue } from '../../../../src/core/identity/header-value';
import type { Refusal } from '../../../../src/core/refusal/refusal';

const refuse = (value: unknown): unknown => encodeHeaderValue(value, 'roles', 'refuse');
const encode = (value: unknown): unknown => encodeHeaderValue(value, 'roles', 'encode');

describe('encoding a claim for a header', () => {
  it.each([
    ['plain text as it is', 'user-42', 'user-42'],
    ['text with inner blanks as it is', 'Jane Doe', 'Jane Doe'],
    ['an e-mail address as it is', 'a+b@example.com', 'a+b@example.com'],
    ['a number as JSON writes it', 42, '42'],
    ['the largest exact integer', Number.MAX_SAFE_INTEGER, '9007199254740991'],
    ['a fraction', 1.5, '1.5'],
    ['a boolean', false, 'false'],
    ['a list joined by commas', ['admin', 'user'], 'admin,user'],
    ['a list of numbers and booleans', [1, true], '1,true'],
    ['a percent sign encoded', '100%', '100%25'],
    ['non-ASCII text as percent-encoded UTF-8', 'Zoë', 'Zo%C3%AB'],
    ['an astral character', '😀', '%F0%9F%98%80'],
    ['a blank at either end encoded', ' x ', '%20x%20'],
    ['a single blank', ' ', '%20'],
    ['an empty object', {}, '{}'],
    ['an object with an own __proto__', JSON.parse('{"__proto__":{"a":1}}'), '{"__proto__":{"a":1}}'],
    ['an object as encoded JSON', { a: 'ü', b: [1] }, '{"a":"%C3%BC"%2C"b":[1]}'],
  ])('sends %s', (_, value, expected) => {
    expect(refuse(value)).toBe(expected);
  });

  it.each([
    ['nothing', undefined],
    ['null', null],
    ['an empty string', ''],
    ['an empty list', []],
  ])('sends nothing for %s, because Kong makes a blank of an empty header', (_, value) => {
    expect(refuse(value)).toBeUndefined();
    expect(encode(value)).toBeUndefined();
  });

  it.each([
    ['a role that contains the separator', ['a,b']],
    ['a lone string that contains the separator, which a service would split', 'a,b'],
    ['an object in a list whose JSON contains the separator', [{ a: 1, b: 2 }]],
    ['a carriage return', 'a\rb'],
    ['a line feed in a list', ['a\nX-User-ID: evil']],
    ['NUL', 'a\0'],
    ['a C1 control', 'a\u0085b'],
    ['a line separator', 'a\u2028b'],
  ])('refuses %s unless told to encode it', (_, value) => {
    expect(refuse(value)).toMatchObject({ code: 'claim_invalid' });
    expect(encode(value)).toEqual(expect.stringMatching(/^[\x20-\x7e]+$/));
  });

  it.each([
    ['one empty item', [''], undefined],
    ['one null item', [null], undefined],
    ['an empty and a null item among others', ['a', '', null, 'b'], 'a,b'],
  ])('leaves out what says nothing in a list with %s', (_, value, text) => {
    expect(refuse(value)).toBe(text);
    expect(encode(value)).toBe(text);
  });

  it.each([
    ['a name', ['CN=admins,OU=groups,DC=example,DC=test'], 'CN=admins%2COU=groups%2CDC=example%2CDC=test'],
    ['a name with blanks after its commas', ['cn=Zoë R, ou=a'], 'cn=Zo%C3%AB R%2C ou=a'],
    ['a name with an OID', ['2.5.4.3=a,DC=b', 'user'], '2.5.4.3=a%2CDC=b,user'],
  ])('encodes the commas of LDAP names in a list: %s', (_, value, text) => {
    expect(refuse(value)).toBe(text);
  });

  it.each([
    ['a piece that is a role', ['CN=x,admin,DC=a']],
    ['an escaped comma', ['CN=x\\,admin,DC=a']],
    ['a quoted comma', ['CN="x,admin",DC=a']],
    ['a control character', ['CN=x\n,DC=a']],
    ['an empty piece', ['CN=x,,DC=a']],
    ['a type without a value', ['CN=,DC=a']],
    ['no list around it', 'CN=x,DC=a'],
  ])('refuses what looks like an LDAP name, but has %s', (_, value) => {
    expect(refuse(value)).toMatchObject({ code: 'claim_invalid' });
  });

  it.each([
    ['an integer beyond 2^53', 2 ** 53],
    ['a negative integer beyond 2^53', -(2 ** 53)],
    ['infinity', Infinity],
    ['a lone surrogate', '\ud800'],
    ['an inexact number in a list', [2 ** 60]],
    ['an inexact number inside an object', { a: [{ id: JSON.parse('9007199254740993') as number }] }],
    ['nesting deeper than the stack', JSON.parse(`${'[{"a":'.repeat(20_000)}1${'}]'.repeat(20_000)}`)],
  ])('refuses %s in every mode', (_, value) => {
    expect(refuse(value)).toMatchObject({ code: 'claim_invalid' });
    expect(encode(value)).toMatchObject({ code: 'claim_invalid' });
  });

  it('names the claim, but not its value, in the reason', () => {
    expect((refuse('top,secret') as Refusal).reason).toBe('claim roles holds the separator inside an item');
  });

  it('lets a service read back every text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (text) => {
        const sent = encode(text);
        fc.pre(typeof sent === 'string');
        expect(sent).toMatch(/^[\x20-\x7e]+$/);
        expect(sent.trim()).toBe(sent);
        expect(decodeURIComponent(sent)).toBe(text);
      }),
    );
  });

  it('lets a service read back every list by splitting first and decoding then, in both modes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', minLength: 1 }), { minLength: 1 }),
        fc.constantFrom('refuse' as const, 'encode' as const),
        (items, mode) => {
          const sent = encodeHeaderValue(items, 'roles', mode);
          fc.pre(typeof sent === 'string');
          expect(sent.split(',').map(decodeURIComponent)).toEqual(items);
        },
      ),
    );
  });
});
