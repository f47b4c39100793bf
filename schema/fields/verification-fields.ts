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
      description: 'Seconds of allowed clock difference when `exp`, `nbf` and `iat` are checked (RFC 7519 §4.1.4).',
    },
  },
  {
    required_claims: {
      type: 'array',
      required: true,
      default: ['exp', 'sub'],
      elements: CLAIM,
      description:
        'Claims that every token must have: names, or JSON Pointers when they start with "/" (RFC 6901). Without exp in it, tokens that never expire are accepted.',
    },
  },
  {
    maximum_expiration: {
      type: 'integer',
      required: true,
      default: 0,
      between: [0, 31_536_000],
      description:
        'Maximum lifetime of a token in seconds, from `iat` to `exp`, which are then both required. 0: no limit.',
    },
  },
  {
    token_types: {
      type: 'array',
      required: true,
      default: [],
      elements: TOKEN_TYPE,
      description:
        'Accepted values of the `typ` header, such as at+jwt (RFC 9068 §4), in any letter case, with or without "application/". An empty list: none, or any that does not name another kind of token, as logout+jwt does.',
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
      description:
        'Lists of revoked tokens, sessions, callers and clients (docs/REVOCATION.md). A token that one of them names is rejected with token_revoked, also when its verification is cached.',
    },
  },
] as const satisfies Fields;
