import { CLAIM, HEADER_NAME } from './field-patterns';
import { IDENTITY_TOKEN_FIELDS } from './identity-token-fields';
import type { Fields } from '../../src/kong/schema-language/field';

/** One header that tells the service something about the caller. */
const IDENTITY_HEADER_FIELDS = [
  {
    header: {
      ...HEADER_NAME,
      required: true,
      description:
        'Name of the header that the service receives. Unless it begins with X-User-, reserved_headers must cover it.',
    },
  },
  {
    claim: {
      ...CLAIM,
      required: true,
      description: 'Name of the claim, or a JSON Pointer to it when it starts with "/" (RFC 6901).',
    },
  },
  {
    required: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Refuse a token without this claim. Otherwise the service does not get the header.',
    },
  },
  {
    on_unsafe: {
      type: 'string',
      required: true,
      default: 'refuse',
      one_of: ['refuse', 'encode'],
      description:
        'Text outside printable ASCII is always percent-encoded as UTF-8. This says what happens to a comma inside a value and to control characters, which a service could still misread after decoding: refuse the request, or percent-encode them too.',
    },
  },
  {
    max_bytes: {
      type: 'integer',
      required: true,
      default: 4096,
      between: [1, 16_384],
      description:
        'Maximum length of the header in bytes. A request with a longer value is rejected; values are never cut.',
    },
  },
] as const satisfies Fields;

/** What services are told about a caller, and which headers only the gateway may set. */
export const IDENTITY_FIELDS = [
  {
    identity_headers: {
      type: 'array',
      required: true,
      default: [
        { header: 'X-User-ID', claim: 'sub', required: true, on_unsafe: 'refuse', max_bytes: 4096 },
        { header: 'X-User-Roles', claim: 'roles', required: false, on_unsafe: 'refuse', max_bytes: 4096 },
      ],
      elements: { type: 'record', fields: IDENTITY_HEADER_FIELDS },
      description: 'Headers that tell the service who is calling, each filled from one claim of the verified token.',
    },
  },
  {
    identity_token: {
      type: 'record',
      // Kong 3.9.3, kong/db/schema/entity.lua: a record that does not say so is required.
      required: false,
      fields: IDENTITY_TOKEN_FIELDS,
      description:
        'Also send the identity headers signed, in a token of the gateway for this service alone (docs/ISOLATION.md). Needs signing keys: `kong-jwt-identity serve --signing-keys`. If omitted: no such token.',
    },
  },
  {
    reserved_headers: {
      type: 'array',
      required: true,
      default: [],
      elements: {
        type: 'string',
        match: '^[%w_-]+%*?$',
        len_max: 128,
        err: 'must be a header name of at most 128 letters, digits, "-" and "_", or the beginning of one and "*"',
      },
      description:
        'More headers that are never accepted from a client, by name or, with "*" at the end, by beginning; in any spelling that a server may take for the same name (X_User_ID, x-user-id). Always reserved: X-User-*, X-Consumer-*, X-Credential-Identifier, X-Anonymous-Consumer, X-Authenticated-*, X-Identity-Token.',
    },
  },
  {
    unreserved_headers: {
      type: 'array',
      required: true,
      default: [],
      elements: HEADER_NAME,
      description:
        'Exact names of headers that clients may send although a reserved beginning covers them, such as X-User-Agent (gRPC-Web). Other spellings of the name stay reserved. Headers that Kong or this plugin writes for services are refused here.',
    },
  },
] as const satisfies Fields;
