/**
 * Arguments and results of PDK methods as they travel in `ProtoBuf:1` (Kong 3.9.3), turned straight into what a
 * plugin passes and gets: positional arguments and plain values. Records keep Kong's own member names.
 */
import { type JsonObject, type JsonValue, jsonValue, listValue, struct } from './json-value';
import {
  bool,
  bytes,
  type Codec,
  embedded,
  field,
  int32,
  int64,
  message,
  present,
  repeated,
  text,
  type ValueOf,
} from './message';

/** Arguments as a plugin writes them. */
type Positional<A extends readonly unknown[]> = Codec<A>;

function mapped<M, T>(codec: Codec<M>, toMessage: (value: T) => M, fromMessage: (value: M) => T): Codec<T> {
  return {
    write: (writer, value) => {
      codec.write(writer, toMessage(value));
    },
    read: (reader, end) => fromMessage(codec.read(reader, end)),
  };
}

/** No arguments (`google.protobuf.Empty`). */
export const noArguments: Positional<readonly []> = mapped(
  message({}),
  () => ({}),
  () => [],
);

/** A method that returns nothing; whatever it sends is skipped. */
export const nothing: Codec<undefined> = mapped(
  message({}),
  () => ({}),
  () => undefined,
);

const string = message({ v: field(1, text) });

/** One text argument (`String`). */
export const oneText: Positional<readonly [text: string]> = mapped(
  string,
  ([v]) => ({ v }),
  ({ v = '' }) => [v],
);

/** A text that is always there (`String`). */
export const textResult: Codec<string> = mapped(
  string,
  (v) => ({ v }),
  ({ v = '' }) => v,
);

/** A text that may be missing (`String`). Kong 3.9.3: nil and an empty text look the same; both are `null` here. */
export const optionalText: Codec<string | null> = mapped(
  string,
  (v) => (v === null ? {} : { v }),
  ({ v }) => v ?? null,
);

/** An upper bound (`Int`). Left out, it is Kong's own default of 100. */
export const limit: Positional<readonly [max?: number]> = mapped(
  message({ v: field(1, int32) }),
  ([v = 100]) => ({ v }),
  ({ v = 0 }) => [v],
);

/** A name and a value (`KV`). */
export const nameAndValue: Positional<readonly [name: string, value: JsonValue]> = mapped(
  message({ k: field(1, text), v: field(2, embedded(jsonValue)) }),
  ([k, v]) => ({ k, v }),
  ({ k = '', v = null }) => [k, v],
);

/** One object (`google.protobuf.Struct`). */
export const oneObject: Positional<readonly [object: JsonObject]> = mapped(
  struct,
  ([object]) => object,
  (object) => [object],
);

/** Any number of values (`google.protobuf.ListValue`). */
export const values: Positional<readonly JsonValue[]> = listValue;

/** Several named values (`google.protobuf.Struct`), such as headers: a text, or a list of texts when repeated. */
export const objectResult: Codec<JsonObject> = struct;

/** Any value (`google.protobuf.Value`). */
export const valueResult: Codec<JsonValue> = jsonValue;

/** Status, body and headers of a response that Kong sends itself (`ExitArgs`). A text body is sent as UTF-8. */
export const exitArguments: Positional<
  readonly [status: number, body?: string | Uint8Array | null, headers?: JsonObject]
> = mapped(
  message({ status: field(1, int32), body: field(2, bytes), headers: field(3, embedded(struct)) }),
  ([status, body, headers]) => ({
    status,
    ...(body === undefined || body === null ? {} : { body: asBytes(body) }),
    ...(headers === undefined ? {} : { headers }),
  }),
  ({ status = 0, body = null, headers = {} }) => [status, body, headers],
);

/** A request body (`RawBodyResult`); `null` when nginx keeps it in a file or failed to read it. */
export const rawBody: Codec<string | null> = mapped(
  message({ content: present(1, bytes), body_filepath: present(2, text), error: present(3, text) }),
  (body) => (body === null ? { error: "Can't read request body" } : { content: Buffer.from(body) }),
  ({ content, body_filepath: path, error }) =>
    path === undefined && error === undefined ? Buffer.from(content ?? []).toString() : null,
);

/** Which consumer to load (`ConsumerSpec`). */
export const consumerReference: Positional<readonly [id: string, byUsername?: boolean]> = mapped(
  message({ id: field(1, text), by_username: field(2, bool) }),
  ([id, byUsername = false]) => ({ id, by_username: byUsername }),
  ({ id = '', by_username: byUsername = false }) => [id, byUsername],
);

const consumer = message({
  id: field(1, text),
  created_at: field(2, int64),
  username: field(3, text),
  custom_id: field(4, text),
  tags: repeated(5, text),
});

const credential = message({ id: field(1, text), consumer_id: field(2, text) });

const route = message({
  id: field(1, text),
  created_at: field(2, int64),
  updated_at: field(3, int64),
  name: field(4, text),
  protocols: repeated(5, text),
  methods: repeated(6, text),
  hosts: repeated(7, text),
  paths: repeated(8, text),
  headers: repeated(9, text),
  https_redirect_status_code: field(10, int32),
  regex_priority: field(11, int32),
  strip_path: field(12, bool),
  preserve_host: field(13, bool),
  snis: repeated(14, text),
  sources: repeated(15, text),
  destinations: repeated(16, text),
  tags: repeated(17, text),
  service: field(18, embedded(message({ id: field(1, text) }))),
});

const service = message({
  id: field(1, text),
  created_at: field(2, int64),
  updated_at: field(3, int64),
  name: field(4, text),
  retries: field(5, int32),
  protocol: field(6, text),
  host: field(7, text),
  port: field(8, int32),
  path: field(9, text),
  connect_timeout: field(10, int32),
  write_timeout: field(11, int32),
  read_timeout: field(12, int32),
  tags: repeated(13, text),
});

/** What Kong knows of a consumer. */
export type Consumer = ValueOf<typeof consumer>;
/** The credential that identified a request. */
export type Credential = ValueOf<typeof credential>;
/** The route that matched a request. */
export type Route = ValueOf<typeof route>;
/** The service that a route belongs to. */
export type Service = ValueOf<typeof service>;

/** A record that may be missing: Kong 3.9.3 sends an empty frame for nil. */
function optional<T extends object>(codec: Codec<T>): Codec<T | null> {
  return mapped(
    codec,
    (record) => record ?? ({} as T),
    (record) => (Object.keys(record).length === 0 ? null : record),
  );
}

/** A consumer, or `null`. */
export const optionalConsumer: Codec<Consumer | null> = optional(consumer);
/** A credential, or `null`. */
export const optionalCredential: Codec<Credential | null> = optional(credential);
/** A route, or `null`. */
export const optionalRoute: Codec<Route | null> = optional(route);
/** A service, or `null`. */
export const optionalService: Codec<Service | null> = optional(service);

/** Who a request comes from (`AuthenticateArgs`). Kong 3.9.3: a credential without a consumer makes `acl` answer 500. */
export const authentication: Positional<readonly [consumer: Consumer | null, credential: Credential | null]> = mapped(
  message({ consumer: field(1, embedded(consumer)), credential: field(2, embedded(credential)) }),
  ([who, how]) => ({ ...(who === null ? {} : { consumer: who }), ...(how === null ? {} : { credential: how }) }),
  ({ consumer: who = null, credential: how = null }) => [who, how],
);

function asBytes(body: unknown): Uint8Array {
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return body;
  throw new TypeError(`a response body is a string or bytes, not ${typeof body}`);
}
