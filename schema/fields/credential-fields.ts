import { HEADER_NAME } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

/** Where a token is looked for, and what becomes of it. */
export const CREDENTIAL_FIELDS = [
  {
    header_names: {
      type: 'array',
      required: true,
      default: ['authorization'],
      elements: HEADER_NAME,
      description:
        'Request headers that may carry the token: authorization after the word Bearer (RFC 6750 §2.1), any other header with or without that word. sec-websocket-protocol: among the subprotocols of a WebSocket handshake, after the word bearer ("bearer, <token>, chat") or as Kubernetes writes it; the service receives the others.',
    },
  },
  {
    cookie_names: {
      type: 'array',
      required: true,
      default: [],
      elements: {
        type: 'string',
        match: "^[%w!#$%%&'*+.^_`|~-]+$",
        err: 'must be a cookie name (RFC 6265 §4.1.1)',
      },
      description:
        'Cookies that may carry the token, written exactly as they are sent. The value may be in quotes and begin with Bearer; a token may be in parts (name.0, name.1 …, 20 at most). A browser sends cookies by itself, so protect such routes against cross-site requests.',
    },
  },
  {
    uri_param_names: {
      type: 'array',
      required: true,
      default: [],
      elements: {
        type: 'string',
        match: '^[%w._~-]+$',
        err: 'must hold only letters, digits, ".", "_", "~" and "-" (RFC 3986 §2.3)',
      },
      description:
        'Query parameters that may carry the token. Addresses end up in logs and histories, so leave this empty if you can (RFC 6750 §2.3).',
    },
  },
  {
    hide_credentials: {
      type: 'boolean',
      required: true,
      default: true,
      description: 'Remove the token from the request before it is forwarded, so that no service can use it elsewhere.',
    },
  },
  {
    max_token_bytes: {
      type: 'integer',
      required: true,
      default: 8192,
      between: [256, 65_536],
      description: 'Maximum length of a token in bytes. A longer one is rejected before it is parsed.',
    },
  },
] as const satisfies Fields;
