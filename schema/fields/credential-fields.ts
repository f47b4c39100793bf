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
        'Headers that may carry the token: authorization after Bearer, others with or without it (docs/TOKENS.md).',
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
        'Cookies that may carry the token, also in parts. Protect such routes against cross-site requests (docs/TOKENS.md).',
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
      description: 'Query parameters that may carry the token. Avoid them: addresses end up in logs (RFC 6750 §2.3).',
    },
  },
  {
    hide_credentials: {
      type: 'boolean',
      required: true,
      default: true,
      description: 'Remove the token before the request is forwarded.',
    },
  },
  {
    max_token_bytes: {
      type: 'integer',
      required: true,
      default: 8192,
      between: [256, 65_536],
      description: 'Maximum bytes of a token.',
    },
  },
] as const satisfies Fields;
