import { CLAIM } from './field-patterns';
import { REVOCATION_LIST_ENTITY_CHECKS, REVOCATION_LIST_FIELDS } from './revocation-list-fields';
import { TOKEN_TYPE } from './token-reading-fields';
import type { Fields } from '../../src/kong/schema-language/field';

/** Which tokens of the issuers are accepted. */
export const VERIFICATION_FIELDS = [
  {
    leeway: {
      type: 'integer',
      required: true,
      default: 10,
      between: [0, 300],
      description: 'Seconds of allowed clock difference for `exp`, `nbf` and `iat`.',
    },
  },
  {
    required_claims: {
      type: 'array',
      required: true,
      default: ['exp', 'sub'],
      elements: CLAIM,
      description: 'Claims that every token must have. Without exp, tokens may never expire.',
    },
  },
  {
    maximum_expiration: {
      type: 'integer',
      required: true,
      default: 0,
      between: [0, 31_536_000],
      description: 'Maximum seconds from `iat` to `exp`, both then required. 0: no limit.',
    },
  },
  {
    token_types: {
      type: 'array',
      required: true,
      default: [],
      elements: TOKEN_TYPE,
      description:
        'Accepted values of `typ`, in any case, with or without "application/". Empty: any or none, except those of other tokens, such as logout+jwt.',
    },
  },
  {
    revocation_lists: {
      type: 'array',
      required: true,
      default: [],
      elements: {
        type: 'record',
        fields: REVOCATION_LIST_FIELDS,
        entity_checks: REVOCATION_LIST_ENTITY_CHECKS,
      },
      description: 'Lists of revoked tokens, sessions, callers and clients (docs/REVOCATION.md).',
    },
  },
] as const satisfies Fields;
