import {
  create,
  createFileRegistry,
  type DescMethod,
  type DescMethodUnary,
  type DescService,
  type MessageInitShape,
} from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label as Label,
  FieldDescriptorProto_Type as Type,
  type FieldDescriptorProtoSchema,
  FileDescriptorProtoSchema,
  type DescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt';

/**
 * Envoy's authorization service, as far as the decision server reads and writes it: the fields that are not listed are
 * skipped, as proto3 asks. The numbers are the contract.
 *
 * @see Envoy 1.40: api/envoy/service/auth/v3/external_auth.proto and attribute_context.proto,
 *   api/envoy/config/core/v3/base.proto, api/envoy/type/v3/http_status.proto, google/rpc/status.proto
 */
const FILE = create(FileDescriptorProtoSchema, {
  name: 'envoy/service/auth/v3/decision.proto',
  package: 'envoy.service.auth.v3',
  syntax: 'proto3',
  messageType: [
    message('CheckRequest', [of('attributes', 1, 'Attributes')]),
    message('Attributes', [of('request', 4, 'Request'), listOf('context_extensions', 10, 'Extension')]),
    message('Request', [of('http', 2, 'HttpRequest')]),
    // A map is a list of pairs on the wire.
    message('Extension', [text('key', 1), text('value', 2)]),
    message('HttpRequest', [text('method', 2), text('path', 4), of('header_map', 13, 'HeaderMap')]),
    message('HeaderMap', [listOf('headers', 1, 'HeaderValue')]),
    message('HeaderValue', [text('key', 1), text('value', 2), bytes('raw_value', 3)]),
    message('CheckResponse', [
      of('status', 1, 'Status'),
      of('denied_response', 2, 'DeniedResponse'),
      of('ok_response', 3, 'OkResponse'),
    ]),
    message('Status', [number('code', 1), text('message', 2)]),
    message('DeniedResponse', [of('status', 1, 'HttpStatus'), listOf('headers', 2, 'HeaderOption'), text('body', 3)]),
    message('HttpStatus', [number('code', 1)]),
    message('OkResponse', [
      listOf('headers', 2, 'HeaderOption'),
      texts('headers_to_remove', 5),
      listOf('response_headers_to_add', 6, 'HeaderOption'),
    ]),
    message('HeaderOption', [of('header', 1, 'HeaderValue'), number('append_action', 3)]),
  ],
  service: [
    {
      name: 'Authorization',
      method: [
        {
          name: 'Check',
          inputType: '.envoy.service.auth.v3.CheckRequest',
          outputType: '.envoy.service.auth.v3.CheckResponse',
        },
      ],
    },
  ],
});

type FieldInit = MessageInitShape<typeof FieldDescriptorProtoSchema>;

function message(name: string, fields: FieldInit[]): MessageInitShape<typeof DescriptorProtoSchema> {
  return { name, field: fields };
}

function field(name: string, at: number, type: Type, label = Label.OPTIONAL): FieldInit {
  return { name, number: at, type, label };
}

function text(name: string, at: number): FieldInit {
  return field(name, at, Type.STRING);
}

function texts(name: string, at: number): FieldInit {
  return field(name, at, Type.STRING, Label.REPEATED);
}

function bytes(name: string, at: number): FieldInit {
  return field(name, at, Type.BYTES);
}

/** Enumerations are numbers on the wire. */
function number(name: string, at: number): FieldInit {
  return field(name, at, Type.INT32);
}

function of(name: string, at: number, typeName: string): FieldInit {
  return { ...field(name, at, Type.MESSAGE), typeName: `.envoy.service.auth.v3.${typeName}` };
}

function listOf(name: string, at: number, typeName: string): FieldInit {
  return { ...of(name, at, typeName), label: Label.REPEATED };
}

/** One header; `rawValue` where Envoy sends headers as they are (`encode_raw_headers`). */
export interface EnvoyHeader {
  readonly key: string;
  readonly value: string;
  readonly rawValue: Uint8Array;
}

/** A header of an answer. Envoy 1.40 reads no `raw_value` there. */
export interface EnvoyHeaderOption {
  readonly header: { readonly key: string; readonly value: string };
  /** `HeaderAppendAction` */
  readonly appendAction: number;
}

/** What Envoy asks. */
export interface EnvoyCheckRequest {
  readonly attributes?: {
    readonly request?: {
      readonly http?: {
        readonly method: string;
        /** Path and query. */
        readonly path: string;
        readonly headerMap?: { readonly headers: readonly EnvoyHeader[] };
      };
    };
    /** `context_extensions` of the route. */
    readonly contextExtensions: readonly { readonly key: string; readonly value: string }[];
  };
}

/** What Envoy is told. An answer without a status would be a permission: `status` is never left out. */
export interface EnvoyCheckResponse {
  readonly status: { readonly code: number };
  readonly okResponse?: {
    readonly headers: readonly EnvoyHeaderOption[];
    readonly headersToRemove: readonly string[];
    readonly responseHeadersToAdd: readonly EnvoyHeaderOption[];
  };
  readonly deniedResponse?: {
    readonly status: { readonly code: number };
    readonly headers: readonly EnvoyHeaderOption[];
    readonly body: string;
  };
}

const registry = createFileRegistry(FILE, () => undefined);

/** The method `envoy.service.auth.v3.Authorization/Check`, for the gRPC library. */
export const CHECK = checkMethod(found(registry.getService('envoy.service.auth.v3.Authorization')));

function checkMethod({ method }: DescService): DescMethodUnary {
  const check = found(method['check']);
  if (!isUnary(check)) throw new Error('the description of Check is broken');
  return check;
}

function isUnary(method: DescMethod): method is DescMethodUnary {
  return method.methodKind === 'unary';
}

function found<T>(descriptor: T | undefined): T {
  if (descriptor === undefined) throw new Error('the description of Envoy’s service is broken');
  return descriptor;
}
