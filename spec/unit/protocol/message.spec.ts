import { describe, expect, it } from '@jest/globals';
import {
  bool,
  bytes,
  decode,
  double,
  embedded,
  encode,
  field,
  int32,
  int64,
  MalformedMessageError,
  message,
  present,
  repeated,
  text,
} from '../../../src/protocol/message';

const point = message({ x: field(1, int32), label: field(2, text) });
const shape = message({
  id: field(1, int64),
  points: repeated(2, embedded(point)),
  weight: field(3, double),
  isOpen: field(4, bool),
  content: present(5, bytes),
});

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('a message', () => {
  it('is read as it was written', () => {
    const value = {
      id: 2 ** 40,
      points: [{ x: -1, label: 'a' }, { x: 5 }],
      weight: 0.5,
      isOpen: false,
      content: Buffer.from('…'),
    };
    expect(decode(shape, encode(shape, value))).toEqual(value);
  });

  it('has no bytes of a message that could not be encoded to its end', () => {
    const clean = Buffer.from(encode(point, { x: 7, label: 'a' }));
    for (let turn = 0; turn < 2; turn++) {
      expect(() => encode(shape, { id: 1, points: [{ x: 1, label: 'left' }, { x: 2 ** 40 }] })).toThrow();
      expect(Buffer.from(encode(point, { x: 7, label: 'a' }))).toEqual(clean);
    }
  });

  it('has the bytes that the wire format asks for', () => {
    // Worked example of the protobuf documentation: field 1 is the varint 150.
    expect(encode(point, { x: 150 })).toEqual(new Uint8Array(hex('08 96 01')));
    expect(encode(point, { label: 'testing' })).toEqual(new Uint8Array(hex('12 07 74 65 73 74 69 6e 67')));
  });

  it('leaves out what has its default, except where presence means something', () => {
    expect(encode(point, { x: 0, label: '' })).toHaveLength(0);
    expect(encode(shape, { content: Buffer.alloc(0) })).toHaveLength(2);
  });

  it('skips fields that it does not know', () => {
    expect(decode(point, hex('58 01  08 07  62 02 ff ff  6d 00 00 00 00  71 00 00 00 00 00 00 00 00'))).toEqual({
      x: 7,
    });
  });

  it.each([
    ['a cut length', '12 07 74'],
    ['a cut varint', '08 96'],
    ['a missing varint', '08'],
    ['a field with number 0', '00 01'],
    ['a wire type that does not exist', '0f 01'],
    ['another wire type than the definition says', '0a 01 41'],
    ['an unknown field that runs past the end', '62 ff'],
  ])('is malformed with %s', (_, bytesOf) => {
    expect(() => decode(point, hex(bytesOf))).toThrow(MalformedMessageError);
  });

  it('is malformed when a member runs past the end of the message that holds it', () => {
    // points[0] is said to be 3 bytes long, its label 3 bytes of which one belongs to the outer message.
    expect(() => decode(shape, hex('12 03 12 03 41 42 43'))).toThrow(MalformedMessageError);
  });

  it('is malformed with a number that JavaScript cannot hold', () => {
    expect(() => decode(shape, hex('08 ff ff ff ff ff ff ff ff 7f'))).toThrow(MalformedMessageError);
  });

  it('reads bytes that are no UTF-8 as the replacement character', () => {
    // é in Latin-1
    expect(decode(point, hex('12 04 63 61 66 e9'))).toEqual({ label: 'caf\u{fffd}' });
  });

  it('keeps a byte order mark, which is a part of the text', () => {
    expect(decode(point, hex('12 04 ef bb bf 41'))).toEqual({ label: '\u{feff}A' });
  });

  it('cannot be written with a value of another kind', () => {
    expect(() => encode(point, { label: 5 } as never)).toThrow(TypeError);
    expect(() => encode(point, { x: 'many' } as never)).toThrow();
  });
});
