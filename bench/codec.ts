/**
 * Which way of coding the messages costs least: the message tables of src/protocol over the reader and writer of
 * \@bufbuild/protobuf, the same library's own messages, or protobufjs with the code it generates at run time. On the two
 * messages that nearly all bytes of an event are: the answer to get_headers and the arguments of set_headers, each from
 * and to the plain objects that a plugin works with. Allocations are what the heap grew by while nothing was collected.
 *
 *     npm run bench:codec -- [messages a run, default 20000]
 */
import { create, fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import { ListValueSchema, type Struct, StructSchema, type Value, ValueSchema } from '@bufbuild/protobuf/wkt';
import protobuf from 'protobufjs';
import { type JsonObject, type JsonValue, struct } from '../src/protocol/json-value';
import { decode, encode } from '../src/protocol/message';
import { noToken } from './scenarios';

const RUNS = 5;
const MESSAGES = Number(process.argv[2] ?? 20_000);

const HEADERS = {
  ...(noToken(0).repliesFor(0)['kong.request.get_headers'] as JsonObject),
  authorization: `Bearer ${'eyJhbGciOi'.repeat(30)}`,
};
const IDENTITY: JsonObject = { 'X-User-ID': 'user-7', 'X-User-Roles': 'customer,admin', authorization: [] };

interface Coder {
  readonly title: string;
  decode(payload: Uint8Array): unknown;
  encode(value: JsonObject): Uint8Array;
}

const ours: Coder = {
  title: 'src/protocol (chosen)',
  decode: (payload) => decode(struct, payload),
  encode: (value) => encode(struct, value),
};

/** By the library's messages, and our own hand from there to plain objects. */
const messages: Coder = {
  title: '@bufbuild/protobuf messages',
  decode: (payload) => membersOf(fromBinary(StructSchema, payload)),
  encode: (value) => toBinary(StructSchema, messageOf(value)),
};

/** By the library's messages and its own way to JSON. */
const messagesAndJson: Coder = {
  title: '@bufbuild/protobuf messages and JSON',
  decode: (payload) => toJson(StructSchema, fromBinary(StructSchema, payload)),
  encode: (value) => toBinary(StructSchema, fromJson(StructSchema, value as Parameters<typeof fromJson>[1])),
};

const generatedStruct = protobuf.Root.fromJSON(protobuf.common.get('google/protobuf/struct.proto')!).lookupType(
  'google.protobuf.Struct',
);
/** By code that is generated when the program starts, and our own hand from there to plain objects. */
const generated: Coder = {
  title: 'protobufjs',
  decode: (payload) => plainMembers(generatedStruct.decode(payload) as unknown as PlainStruct),
  encode: (value) => generatedStruct.encode(plainStruct(value)).finish(),
};

// From and to the messages of @bufbuild/protobuf.

function membersOf({ fields }: Struct): Record<string, unknown> {
  const members = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(fields)) members[name] = plainValue(value);
  return members;
}

function plainValue({ kind }: Value): unknown {
  if (kind.case === 'structValue') return membersOf(kind.value);
  if (kind.case === 'listValue') return kind.value.values.map(plainValue);
  return kind.case === 'nullValue' ? null : kind.value;
}

function messageOf(object: JsonObject): Struct {
  const fields: Record<string, Value> = {};
  for (const [name, value] of Object.entries(object)) fields[name] = valueOf(value);
  return create(StructSchema, { fields });
}

function valueOf(value: JsonValue): Value {
  if (typeof value === 'string') return create(ValueSchema, { kind: { case: 'stringValue', value } });
  const values = (value as readonly JsonValue[]).map(valueOf);
  return create(ValueSchema, { kind: { case: 'listValue', value: create(ListValueSchema, { values }) } });
}

// From and to the objects of protobufjs.

interface PlainStruct {
  readonly fields: Readonly<Record<string, PlainValue>>;
}

interface PlainValue {
  readonly stringValue?: string;
  readonly listValue?: { readonly values: readonly PlainValue[] };
}

function plainMembers({ fields }: PlainStruct): Record<string, unknown> {
  const members = Object.create(null) as Record<string, unknown>;
  for (const [name, value] of Object.entries(fields)) members[name] = textOrTexts(value);
  return members;
}

function textOrTexts({ stringValue, listValue }: PlainValue): unknown {
  return listValue ? listValue.values.map(textOrTexts) : stringValue;
}

function plainStruct(object: JsonObject): PlainStruct {
  const fields: Record<string, PlainValue> = {};
  for (const [name, value] of Object.entries(object)) fields[name] = plainText(value);
  return { fields };
}

function plainText(value: JsonValue): PlainValue {
  if (typeof value === 'string') return { stringValue: value };
  return { listValue: { values: (value as readonly JsonValue[]).map(plainText) } };
}

interface Cost {
  readonly cpuUs: number;
  readonly allocatedBytes: number;
}

function costOf(work: () => void): Cost {
  let best: Cost = { cpuUs: Infinity, allocatedBytes: Infinity };
  for (let run = 0; run < RUNS; run++) {
    globalThis.gc?.();
    const heapBefore = process.memoryUsage();
    const cpuBefore = process.cpuUsage();
    for (let n = 0; n < MESSAGES; n++) work();
    const { user, system } = process.cpuUsage(cpuBefore);
    const heap = process.memoryUsage();
    const allocated = heap.heapUsed - heapBefore.heapUsed + heap.arrayBuffers - heapBefore.arrayBuffers;
    best = {
      cpuUs: Math.min(best.cpuUs, (user + system) / MESSAGES),
      allocatedBytes: Math.min(best.allocatedBytes, allocated / MESSAGES),
    };
  }
  return best;
}

if (globalThis.gc === undefined) throw new Error('run it with npm run bench:codec');
console.log(`Node ${process.version}; ${Object.keys(HEADERS).length} headers read, 3 set; the best of ${RUNS} runs`);
const answer = encode(struct, HEADERS);
const table: Record<string, object> = {};
for (const coder of [ours, messages, messagesAndJson, generated]) {
  if (JSON.stringify(coder.decode(answer)) !== JSON.stringify(HEADERS))
    throw new Error(`${coder.title} decodes otherwise`);
  if (Buffer.compare(coder.encode(IDENTITY), encode(struct, IDENTITY)) !== 0)
    throw new Error(`${coder.title} encodes otherwise`);
  const reading = costOf(() => coder.decode(answer));
  const writing = costOf(() => coder.encode(IDENTITY));
  table[coder.title] = {
    'get_headers µs': reading.cpuUs.toFixed(2),
    'get_headers bytes': Math.round(reading.allocatedBytes),
    'set_headers µs': writing.cpuUs.toFixed(2),
    'set_headers bytes': Math.round(writing.allocatedBytes),
    'events / s of both': Math.round(1e6 / (reading.cpuUs + writing.cpuUs)),
  };
}
console.table(table);
