import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** How one kind of value is written and read. `wire` is what its tag says. */
export interface Scalar<T> {
  readonly wire: WireType;
  /** The value that proto3 leaves out; `undefined` for kinds that are always written when present. */
  readonly implicit: T | undefined;
  write(writer: BinaryWriter, value: T): void;
  read(reader: BinaryReader): T;
}

/** One field: its number, which is the contract on the wire, and its kind. */
export interface Field<T> {
  readonly number: number;
  readonly scalar: Scalar<T>;
  readonly isRepeated: boolean;
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a table of fields of different kinds
type Fields = Readonly<Record<string, Field<any>>>;

/** The values of `fields`. A field that was not sent is absent. */
export type ValuesOf<F extends Fields> = { [K in keyof F]?: F[K] extends Field<infer T> ? T : never };

/** Turns values of one type into a payload and back. */
export interface Codec<T> {
  write(writer: BinaryWriter, value: T): void;
  /** Reads until `end`; a message that does not end there exactly is an error. */
  read(reader: BinaryReader, end: number): T;
}

/** The type of the values that a codec is for. */
export type ValueOf<C> = C extends Codec<infer T> ? T : never;

/** A message whose bytes are not what its definition says. */
export class MalformedMessageError extends Error {
  override readonly name = 'MalformedMessageError';
}

/** The writer of the message before, whose memory the next one can have. */
let spareWriter: BinaryWriter | undefined;

/** Returns `value` as a payload. @throws TypeError or RangeError when a value does not fit its kind. */
export function encode<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = spareWriter ?? new BinaryWriter();
  // Out of reach until it is empty again: neither a message that failed halfway nor one within it may leave traces.
  spareWriter = undefined;
  codec.write(writer, value);
  const payload = writer.finish();
  spareWriter = writer;
  return payload;
}

/** Returns the value that `payload` holds. @throws {@link MalformedMessageError} for anything that is not that message. */
export function decode<T>(codec: Codec<T>, payload: Uint8Array): T {
  try {
    return codec.read(new BinaryReader(payload), payload.length);
  } catch (cause) {
    if (cause instanceof MalformedMessageError) throw cause;
    throw new MalformedMessageError('the message is cut or corrupt', { cause });
  }
}

/** Returns the codec of a message with these fields. Unknown fields are skipped, as proto3 asks. */
export function message<F extends Fields>(fields: F): Codec<ValuesOf<F>> {
  const known = Object.entries(fields).map(([name, { number, scalar, isRepeated }]) => {
    return { name, number, scalar, isRepeated, tag: tagOf(number, scalar.wire) };
  });
  const byNumber = new Map(known.map((field) => [field.number, field]));
  return {
    write(writer, value) {
      for (const { name, scalar, isRepeated, tag } of known) {
        const member: unknown = value[name];
        if (member === undefined || member === scalar.implicit) continue;
        if (!isRepeated) scalar.write(writer.uint32(tag), member);
        else for (const item of member as unknown[]) scalar.write(writer.uint32(tag), item);
      }
    },
    read(reader, end) {
      const value: Record<string, unknown> = {};
      while (reader.pos < end) {
        const tag = reader.uint32();
        const { number, wire } = splitTag(tag);
        const field = byNumber.get(number);
        if (field === undefined) {
          reader.skip(wire, number);
          continue;
        }
        if (tag !== field.tag) throw new MalformedMessageError(`field ${number} has wire type ${wire}`);
        const item: unknown = field.scalar.read(reader);
        if (field.isRepeated) ((value[field.name] ??= []) as unknown[]).push(item);
        else value[field.name] = item;
      }
      checkEnd(reader, end);
      return value as ValuesOf<F>;
    },
  };
}

/** Returns the tag that precedes a field on the wire. */
export function tagOf(number: number, wire: WireType): number {
  return ((number << 3) | wire) >>> 0;
}

/** Takes a tag apart. @throws {@link MalformedMessageError} when there is no such tag */
export function splitTag(tag: number): { readonly number: number; readonly wire: WireType } {
  const number = tag >>> 3;
  const wire = WIRE_TYPES[tag & 7];
  if (number === 0 || wire === undefined) throw new MalformedMessageError('a tag is not valid');
  return { number, wire };
}

/** @throws {@link MalformedMessageError} when the last field of a message ended beyond the message's end */
export function checkEnd(reader: BinaryReader, end: number): void {
  if (reader.pos !== end) throw new MalformedMessageError('a field runs past the end of its message');
}

const WIRE_TYPES: readonly (WireType | undefined)[] = [
  WireType.Varint,
  WireType.Bit64,
  WireType.LengthDelimited,
  WireType.StartGroup,
  WireType.EndGroup,
  WireType.Bit32,
];

/** Reads the length of an embedded message and returns where it ends. */
export function readEnd(reader: BinaryReader): number {
  const length = reader.uint32();
  return reader.pos + length;
}

/** A field with this number, left out when it has proto3's default. */
export function field<T>(number: number, scalar: Scalar<T>): Field<T> {
  return { number, scalar, isRepeated: false };
}

/** A field whose presence means something (a member of a `oneof`): written whenever it is there. */
export function present<T>(number: number, scalar: Scalar<T>): Field<T> {
  return { number, scalar: { ...scalar, implicit: undefined }, isRepeated: false };
}

/** A field that may occur any number of times. */
export function repeated<T>(number: number, scalar: Scalar<T>): Field<T[]> {
  return { number, scalar: { ...scalar, implicit: undefined }, isRepeated: true } as unknown as Field<T[]>;
}

/** A message within a message. */
export function embedded<T>(codec: Codec<T>): Scalar<T> {
  return {
    wire: WireType.LengthDelimited,
    implicit: undefined,
    write: (writer, value) => {
      codec.write(writer.fork(), value);
      writer.join();
    },
    read: (reader) => codec.read(reader, readEnd(reader)),
  };
}

/**
 * `string`. Bytes that are not UTF-8 are read as U+FFFD: clients may put any byte into a header, and one odd header
 * must not turn every request of a client into an error.
 */
export const text: Scalar<string> = {
  wire: WireType.LengthDelimited,
  implicit: '',
  write: (writer, value) => {
    if (typeof value !== 'string') throw new TypeError(`expected a string, got ${typeof value}`);
    writer.string(value);
  },
  read: (reader) => reader.string(),
};

/** `bytes`. What is read shares memory with the payload. */
export const bytes: Scalar<Uint8Array> = {
  wire: WireType.LengthDelimited,
  implicit: undefined,
  write: (writer, value) => writer.bytes(value),
  read: (reader) => reader.bytes(),
};

/** `bool`. `false` is written too, as Kong 3.9.3 does. */
export const bool: Scalar<boolean> = {
  wire: WireType.Varint,
  implicit: undefined,
  write: (writer, value) => writer.bool(value),
  read: (reader) => reader.bool(),
};

/** `int32`. */
export const int32: Scalar<number> = {
  wire: WireType.Varint,
  implicit: 0,
  write: (writer, value) => writer.int32(value),
  read: (reader) => reader.int32(),
};

/** `int64`, as far as a number holds it exactly. */
export const int64: Scalar<number> = {
  wire: WireType.Varint,
  implicit: 0,
  write: (writer, value) => writer.int64(value),
  read: (reader) => {
    const value = Number(reader.int64());
    if (!Number.isSafeInteger(value)) throw new MalformedMessageError('an int64 is beyond 2^53');
    return value;
  },
};

/** `double`. */
export const double: Scalar<number> = {
  wire: WireType.Bit64,
  implicit: 0,
  write: (writer, value) => writer.double(value),
  read: (reader) => reader.double(),
};
