import { CLAIM, HEADER_NAME } from './field-patterns';
import { IDENTITY_TOKEN_FIELDS } from './identity-token-fields';
import type { Fields } from '../../src/kong/schema-language/field';

/** One header that tells the service something about the caller. */
const IDENTITY_HEADER_FIELDS = [
  {
    header: {
      ...HEADER_NAME,
      required: true,
      description: 'Header for the service; outside X-User-*, reserved_headers must cover it.',
    },
  },
  {
    claim: {
      ...CLAIM,
      required: true,
      description: 'Claim for its value: a name or a JSON Pointer.',
    },
  },
  {
    required: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Reject a token without this claim. Otherwise the header is not sent.',
    },
  },
  {
    on_unsafe: {
      type: 'string',
      required: true,
      default: 'refuse',
      one_of: ['refuse', 'encode'],
      description:
        'For commas and control characters in a value: refuse the request, or encode them (docs/HEADERS.md).',
    },
  },
  {
    max_bytes: {
      type: 'integer',
      required: true,
      default: 4096,
      between: [1, 16_384],
      description: 'Maximum bytes of the value; longer ones are refused.',
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
      description: 'Headers that tell the service who is calling.',
    },
  },
  {
    identity_token: {
      type: 'record',
      // Kong 3.9.3, kong/db/schema/entity.lua: a record that does not say so is required.
      required: false,
      fields: IDENTITY_TOKEN_FIELDS,
      description: 'Also sign the identity headers for this service (docs/ISOLATION.md). Needs `serve --signing-keys`.',
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
      description: 'More headers that clients cannot send: names, or beginnings with "*" (docs/HEADERS.md).',
    },
  },
  {
    unreserved_headers: {
      type: 'array',
      required: true,
      default: [],
      elements: HEADER_NAME,
      description: 'Exact names that clients may send although a reserved beginning covers them.',
    },
  },
] as const satisfies Fields;
