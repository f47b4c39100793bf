import { type BinaryReader, type BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { checkEnd, type Codec, MalformedMessageError, readEnd, splitTag, tagOf } from './message';

/** What `google.protobuf.Value` can hold, as plain JavaScript. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject;

/** What `google.protobuf.Struct` can hold. When read it inherits nothing, so that no name means anything special. */
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

// The same as tags.
const NULL_VALUE_TAG = tagOf(NULL_VALUE, WireType.Varint);
const NUMBER_VALUE_TAG = tagOf(NUMBER_VALUE, WireType.Bit64);
const STRING_VALUE_TAG = tagOf(STRING_VALUE, WireType.LengthDelimited);
const BOOL_VALUE_TAG = tagOf(BOOL_VALUE, WireType.Varint);
const STRUCT_VALUE_TAG = tagOf(STRUCT_VALUE, WireType.LengthDelimited);
const LIST_VALUE_TAG = tagOf(LIST_VALUE, WireType.LengthDelimited);
const STRUCT_FIELDS_TAG = tagOf(STRUCT_FIELDS, WireType.LengthDelimited);
const ENTRY_KEY_TAG = tagOf(ENTRY_KEY, WireType.LengthDelimited);
const ENTRY_VALUE_TAG = tagOf(ENTRY_VALUE, WireType.LengthDelimited);
const LIST_VALUES_TAG = tagOf(LIST_VALUES, WireType.LengthDelimited);

function writeStruct(writer: BinaryWriter, object: JsonObject, depth: number): void {
  for (const name of Object.keys(object)) {
    const member = object[name];
    if (member === undefined) continue;
    writer.uint32(STRUCT_FIELDS_TAG).fork();
    writer.uint32(ENTRY_KEY_TAG).string(name);
    writer.uint32(ENTRY_VALUE_TAG).fork();
    writeValue(writer, member, depth);
    writer.join().join();
  }
}

function writeList(writer: BinaryWriter, items: readonly JsonValue[], depth: number): void {
  for (const item of items) {
    writer.uint32(LIST_VALUES_TAG).fork();
    writeValue(writer, item, depth);
    writer.join();
  }
}

function writeValue(writer: BinaryWriter, value: JsonValue, depth: number): void {
  if (depth > MAX_DEPTH) throw new RangeError(`a value is nested more than ${MAX_DEPTH} deep`);
  switch (typeof value) {
    case 'string':
      writer.uint32(STRING_VALUE_TAG).string(value);
      return;
    case 'number':
      writer.uint32(NUMBER_VALUE_TAG).double(value);
      return;
    case 'boolean':
      writer.uint32(BOOL_VALUE_TAG).bool(value);
      return;
    case 'object':
      if (value === null) {
        // Kong's own encoder (3.9.3) writes 1 for nil.
        writer.uint32(NULL_VALUE_TAG).int32(1);
      } else if (Array.isArray(value)) {
        writeList(writer.uint32(LIST_VALUE_TAG).fork(), value, depth + 1);
        writer.join();
      } else {
        writeStruct(writer.uint32(STRUCT_VALUE_TAG).fork(), value as JsonObject, depth + 1);
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

/**
 * What a struct becomes: an object without members of its own or inherited ones, because a client's header named
 * `__proto__` or `constructor` is a name like any other. Much cheaper to V8 than `Object.create(null)`.
 */
const Members = function () {
  // Nothing is in it.
} as unknown as { new (): Record<string, JsonValue>; prototype: object };
Members.prototype = Object.freeze(Object.create(null) as object);

function readStruct(reader: BinaryReader, end: number, depth: number): JsonObject {
  const object = new Members();
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === STRUCT_FIELDS_TAG) readEntry(reader, readEnd(reader), depth, object);
    else skipUnknown(reader, tag, STRUCT_FIELDS);
  }
  checkEnd(reader, end);
  return object;
}

function readEntry(reader: BinaryReader, end: number, depth: number, object: Record<string, JsonValue>): void {
  let name = '';
  let value: JsonValue = null;
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === ENTRY_KEY_TAG) name = reader.string();
    else if (tag === ENTRY_VALUE_TAG) value = readValue(reader, readEnd(reader), depth);
    else skipUnknown(reader, tag, ENTRY_VALUE);
  }
  checkEnd(reader, end);
  object[name] = value;
}

function readList(reader: BinaryReader, end: number, depth: number): readonly JsonValue[] {
  const items: JsonValue[] = [];
  while (reader.pos < end) {
    const tag = reader.uint32();
    if (tag === LIST_VALUES_TAG) items.push(readValue(reader, readEnd(reader), depth));
    else skipUnknown(reader, tag, LIST_VALUES);
  }
  checkEnd(reader, end);
  return items;
}

function readValue(reader: BinaryReader, end: number, depth: number): JsonValue {
  if (depth > MAX_DEPTH) throw new MalformedMessageError(`a value is nested more than ${MAX_DEPTH} deep`);
  let value: JsonValue = null;
  while (reader.pos < end) {
    const tag = reader.uint32();
    switch (tag) {
      case STRING_VALUE_TAG:
        value = reader.string();
        break;
      case NUMBER_VALUE_TAG:
        value = reader.double();
        break;
      case BOOL_VALUE_TAG:
        value = reader.bool();
        break;
      case STRUCT_VALUE_TAG:
        value = readStruct(reader, readEnd(reader), depth + 1);
        break;
      case LIST_VALUE_TAG:
        value = readList(reader, readEnd(reader), depth + 1);
        break;
      case NULL_VALUE_TAG:
        reader.int32();
        value = null;
        break;
      default:
        skipUnknown(reader, tag, LIST_VALUE);
    }
  }
  checkEnd(reader, end);
  return value;
}

/** Skips a field that is not known; one of the `highest` field numbers with another wire type is an error. */
function skipUnknown(reader: BinaryReader, tag: number, highest: number): void {
  const { number, wire } = splitTag(tag);
  if (number <= highest) throw new MalformedMessageError(`field ${number} of a value has wire type ${wire}`);
  reader.skip(wire, number);
}
