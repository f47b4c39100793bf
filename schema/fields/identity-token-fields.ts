import { HEADER_NAME, PLAIN_TEXT } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

/** The gateway's own statement about a request, signed. */
export const IDENTITY_TOKEN_FIELDS = [
  {
    header: {
      ...HEADER_NAME,
      required: true,
      default: 'X-Identity-Token',
      description: 'Name of the header with the token. reserved_headers must cover another name than the default.',
    },
  },
  {
    issuer: {
      ...PLAIN_TEXT,
      required: true,
      description: 'The name of this gateway, which becomes `iss`. A service accepts this one only.',
    },
  },
  {
    audience: {
      ...PLAIN_TEXT,
      required: true,
      description: 'The service that the token is meant for, which becomes `aud`. Give every service its own.',
    },
  },
  {
    lifetime: {
      type: 'integer',
      required: true,
      default: 30,
      between: [2, 300],
      description:
        'Seconds from signing to `exp`. A token is used again for the same caller during the first half of them; it never outlives the token of the caller.',
    },
  },
  {
    bind_request: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Bind the token to the method and the path that the service receives, so that it cannot be used for another request. Each request is then signed, and no later plugin may change the path.',
    },
  },
] as const satisfies Fields;
