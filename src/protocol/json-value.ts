import { type BinaryReader, type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { type Codec, MalformedMessageError, readEnd, readFields } from './message';

/** What `google.protobuf.Value` can hold, as plain JavaScript. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** What `google.protobuf.Struct` can hold. When read it has no prototype, so that no name means anything special. */
export interface JsonObject {
  readonly [name: string]: JsonValue;
}

/** Deepest nesting that is read or written: a hostile value must not exhaust the stack. */
const MAX_DEPTH = 64;

/** `google.protobuf.Struct`: goes straight between the wire and plain objects, as most bytes of an event are one. */
export const struct: Codec<JsonObject> = {
  write: (writer, value) => {
    writeStruct(writer, value, 0);
  },
  read: (reader, end) => readStruct(reader, end, 0),
};

/** `google.protobuf.Value`; an empty payload is `null`. */
export const jsonValue: Codec<JsonValue> = {
  write: (writer, value) => {
    writeValue(writer, value, 0);
  },
  read: (reader, end) => readValue(reader, end, 0),
};

/** `google.protobuf.ListValue`. */
export const listValue: Codec<readonly JsonValue[]> = {
  write: (writer, value) => {
    writeList(writer, value, 0);
  },
  read: (reader, end) => readList(reader, end, 0),
};

// Field numbers of google.protobuf.Value's `kind`, of Struct's map and its entries, and of ListValue.
const NULL_VALUE = 1;
const NUMBER_VALUE = 2;
const STRING_VALUE = 3;
const BOOL_VALUE = 4;
const STRUCT_VALUE = 5;
const LIST_VALUE = 6;
const STRUCT_FIELDS = 1;
const ENTRY_KEY = 1;
const ENTRY_VALUE = 2;
const LIST_VALUES = 1;

function writeStruct(writer: BinaryWriter, object: JsonObject, depth: number): void {
  for (const name of Object.keys(object)) {
    const member = object[name];
    if (member === undefined) continue;
    writer.tag(STRUCT_FIELDS, WireType.LengthDelimited).fork();
    writer.tag(ENTRY_KEY, WireType.LengthDelimited).string(name);
    writer.tag(ENTRY_VALUE, WireType.LengthDelimited).fork();
    writeValue(writer, member, depth);
    writer.join().join();
  }
}

function writeList(writer: BinaryWriter, items: readonly JsonValue[], depth: number): void {
  for (const item of items) {
    writer.tag(LIST_VALUES, WireType.LengthDelimited).fork();
    writeValue(writer, item, depth);
    writer.join();
  }
}

function writeValue(writer: BinaryWriter, value: JsonValue, depth: number): void {
  if (depth > MAX_DEPTH) throw new RangeError(`a value is nested more than ${MAX_DEPTH} deep`);
  switch (typeof value) {
    case 'string':
      writer.tag(STRING_VALUE, WireType.LengthDelimited).string(value);
      return;
    case 'number':
      writer.tag(NUMBER_VALUE, WireType.Bit64).double(value);
      return;
    case 'boolean':
      writer.tag(BOOL_VALUE, WireType.Varint).bool(value);
      return;
    case 'object':
      if (value === null) {
        // Kong's own encoder (3.9.3) writes 1 for nil.
        writer.tag(NULL_VALUE, WireType.Varint).int32(1);
      } else if (Array.isArray(value)) {
        writeList(writer.tag(LIST_VALUE, WireType.LengthDelimited).fork(), value, depth + 1);
        writer.join();
      } else {
        writeStruct(writer.tag(STRUCT_VALUE, WireType.LengthDelimited).fork(), value as JsonObject, depth + 1);
        writer.join();
      }
      return;
    case 'undefined':
    case 'bigint':
    case 'symbol':
    case 'function':
      throw new TypeError(`a value of type ${typeof value} cannot be sent to Kong`);
  }
}

function readStruct(reader: BinaryReader, end: number, depth: number): JsonObject {
  // No prototype: a client's header named `__proto__` or `constructor` is a name like any other.
  const object = Object.create(null) as Record<string, JsonValue>;
  readFields(reader, end, (number, wire) => {
    if (number !== STRUCT_FIELDS) return false;
    expectLengthDelimited(wire);
    let name = '';
    let value: JsonValue = null;
    readFields(reader, readEnd(reader), (member, memberWire) => {
      if (member > ENTRY_VALUE) return false;
      expectLengthDelimited(memberWire);
      if (member === ENTRY_KEY) name = reader.string();
      else value = readValue(reader, readEnd(reader), depth);
      return true;
    });
    object[name] = value;
    return true;
  });
  return object;
}

function readList(reader: BinaryReader, end: number, depth: number): readonly JsonValue[] {
  const items: JsonValue[] = [];
  readFields(reader, end, (number, wire) => {
    if (number !== LIST_VALUES) return false;
    expectLengthDelimited(wire);
    items.push(readValue(reader, readEnd(reader), depth));
    return true;
  });
  return items;
}

function readValue(reader: BinaryReader, end: number, depth: number): JsonValue {
  if (depth > MAX_DEPTH) throw new MalformedMessageError(`a value is nested more than ${MAX_DEPTH} deep`);
  let value: JsonValue = null;
  readFields(reader, end, (number, wire) => {
    const expected = WIRE_OF_KIND[number];
    if (expected === undefined) return false;
    if (wire !== expected) throw new MalformedMessageError(`a value of kind ${number} has wire type ${wire}`);
    value = readKind(reader, number, depth);
    return true;
  });
  return value;
}

const WIRE_OF_KIND: readonly (WireType | undefined)[] = [
  undefined,
  WireType.Varint,
  WireType.Bit64,
  WireType.LengthDelimited,
  WireType.Varint,
  WireType.LengthDelimited,
  WireType.LengthDelimited,
];

function readKind(reader: BinaryReader, number: number, depth: number): JsonValue {
  switch (number) {
    case STRING_VALUE:
      return reader.string();
    case NUMBER_VALUE:
      return reader.double();
    case BOOL_VALUE:
      return reader.bool();
    case STRUCT_VALUE:
      return readStruct(reader, readEnd(reader), depth + 1);
    case LIST_VALUE:
      return readList(reader, readEnd(reader), depth + 1);
    default:
      reader.int32();
      return null;
  }
}

function expectLengthDelimited(wire: WireType): void {
  if (wire !== WireType.LengthDelimited) throw new MalformedMessageError(`a member has wire type ${wire}`);
}
