import { HEADER_NAME, PLAIN_TEXT } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

/** The gateway's own statement about a request, signed. */
export const IDENTITY_TOKEN_FIELDS = [
  {
    header: {
      ...HEADER_NAME,
      required: true,
      default: 'X-Identity-Token',
      description: 'Header with the token; reserved_headers must cover another name.',
    },
  },
  {
    issuer: {
      ...PLAIN_TEXT,
      required: true,
      description: 'Name of this gateway, the `iss` that services accept.',
    },
  },
  {
    audience: {
      ...PLAIN_TEXT,
      required: true,
      description: 'The `aud`. Give every service its own.',
    },
  },
  {
    lifetime: {
      type: 'integer',
      required: true,
      default: 30,
      between: [2, 300],
      description:
        "Seconds from signing to `exp`, which is never after the caller's. In the first half, it is used again.",
    },
  },
  {
    bind_request: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Bind it to method and path. Signs each request; later plugins must not change the path.',
    },
  },
] as const satisfies Fields;
