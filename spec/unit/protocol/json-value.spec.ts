import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type JsonObject, type JsonValue, jsonValue, listValue, struct } from '../../../src/protocol/json-value';
import { decode, encode, MalformedMessageError } from '../../../src/protocol/message';

const json = fc.jsonValue({ noUnicodeString: false }) as fc.Arbitrary<JsonValue>;
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

describe('a JSON value on the wire', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(plain(decode(jsonValue, encode(jsonValue, value)))).toEqual(plain(value));
      }),
    );
  });

  it.each([
    ['a text that is sent as a number', jsonValue, '1801'],
    ['a number that is sent as a text', jsonValue, '120141'],
    ['members that are sent as a number', struct, '0801'],
    ['a name that is sent as a number', struct, '0a020801'],
    ['items that are sent as a number', listValue, '0801'],
  ])('is rejected when it has %s', (_, codec, bytes) => {
    expect(() => decode<unknown>(codec, Buffer.from(bytes, 'hex'))).toThrow(/has wire type/);
  });

  it('is read as it was written within a list', () => {
    fc.assert(
      fc.property(fc.array(json), (values) => {
        expect(plain(decode(listValue, encode(listValue, values)))).toEqual(plain(values));
      }),
    );
  });

  it('keeps a member named __proto__ as a member', () => {
    const hostile = JSON.parse('{"__proto__": "evil", "constructor": ["1", "2"]}') as JsonObject;
    const headers = decode(struct, encode(struct, hostile));
    for (const inherited in headers) expect(Object.hasOwn(headers, inherited)).toBe(true);
    expect('toString' in headers).toBe(false);
    expect(Object.entries(headers)).toEqual([
      ['__proto__', 'evil'],
      ['constructor', ['1', '2']],
    ]);
    expect(({} as Record<string, unknown>)['evil']).toBeUndefined();
  });

  it('takes the last of two members with one name, as protobuf maps do', () => {
    const twice = Buffer.concat([encode(struct, { a: '1' }), encode(struct, { a: '2' })]);
    expect({ ...decode(struct, twice) }).toEqual({ a: '2' });
  });

  it('leaves out undefined members and reads nothing as null', () => {
    expect(encode(struct, { a: undefined } as never)).toHaveLength(0);
    expect(decode(jsonValue, new Uint8Array())).toBeNull();
  });

  it('writes an empty list, which is what makes Kong remove a header', () => {
    expect(Buffer.from(encode(jsonValue, [])).toString('hex')).toBe('3200');
  });

  it.each([[1n], [() => 1], [Symbol('s')]])('cannot be written with %s', (value) => {
    expect(() => encode(struct, { 'x-header': value } as never)).toThrow(/cannot be sent to Kong/);
  });

  it('is refused when it is nested too deep, in either direction', () => {
    let deep: JsonValue = 'bottom';
    for (let depth = 0; depth < 70; depth++) deep = [deep];
    expect(() => encode(jsonValue, deep)).toThrow(RangeError);
    let wire = encode(jsonValue, 'bottom');
    for (let depth = 0; depth < 70; depth++) wire = wrapInList(wire);
    expect(() => decode(jsonValue, wire)).toThrow(MalformedMessageError);
  });

  it('is refused when objects in it are nested too deep, in either direction', () => {
    let deep: JsonValue = 'bottom';
    for (let depth = 0; depth < 70; depth++) deep = { a: deep };
    expect(() => encode(jsonValue, deep)).toThrow(RangeError);
    let wire = encode(jsonValue, 'bottom');
    for (let depth = 0; depth < 70; depth++) wire = wrapInObject(wire);
    expect(() => decode(jsonValue, wire)).toThrow(MalformedMessageError);
  });

  it('never reads anything from bytes that were cut', () => {
    const whole = encode(struct, { authorization: 'Bearer good', 'x-list': ['1', '2'] });
    const wholeEntries = new Set([0, encode(struct, { authorization: 'Bearer good' }).length]);
    for (let length = 0; length < whole.length; length++) {
      if (!wholeEntries.has(length))
        expect(() => decode(struct, whole.subarray(0, length))).toThrow(MalformedMessageError);
    }
  });
});

function wrapInList(value: Uint8Array): Uint8Array {
  const item = Buffer.concat([varint((1 << 3) | 2), varint(value.length), value]);
  return Buffer.concat([varint((6 << 3) | 2), varint(item.length), item]);
}

function wrapInObject(value: Uint8Array): Uint8Array {
  const entry = Buffer.concat([Buffer.from('0a016112', 'hex'), varint(value.length), value]);
  const members = Buffer.concat([Buffer.from('0a', 'hex'), varint(entry.length), entry]);
  return Buffer.concat([Buffer.from('2a', 'hex'), varint(members.length), members]);
}

function varint(value: number): Buffer {
  return value < 0x80
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value & 0x7f) | 0x80]), varint(value >>> 7)]);
}
