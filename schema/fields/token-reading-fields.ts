import { CLAIM_CONDITION } from './claim-condition-fields';
import { CLAIM, PLAIN_TEXT } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

const CLAIMS = { type: 'array', len_min: 1, len_max: 16, elements: CLAIM } as const;

/** A value of the `typ` header. */
export const TOKEN_TYPE = {
  type: 'string',
  match: '^[%w!#$&^_.+/-]+$',
  err: 'must be a media type or its subtype (RFC 7515 §4.1.9)',
} as const;

/** How the tokens of one entry of `issuers` are judged and read. What is left out is as the preset, or `config`, says. */
export const TOKEN_READING_FIELDS = [
  {
    audience_claim: {
      ...CLAIM,
      description: 'Claim that must hold one of the audiences, such as client_id (Cognito). Omitted: aud.',
    },
  },
  {
    required_claims: {
      type: 'array',
      elements: CLAIM,
      description: 'For this entry, in place of config.required_claims. The preset requires its own beside them.',
    },
  },
  {
    conditions: {
      type: 'array',
      elements: CLAIM_CONDITION,
      description:
        "What every token of this entry must meet; otherwise 401. The preset's conditions hold beside these.",
    },
  },
  {
    token_types: {
      type: 'array',
      elements: TOKEN_TYPE,
      description: 'For this entry, in place of config.token_types.',
    },
  },
  {
    caller_claims: {
      ...CLAIMS,
      description:
        "Claims for the caller's id, which takes the place of sub elsewhere: the first that is there. A token without any is rejected. Omitted: sub.",
    },
  },
  {
    caller_prefix: {
      ...PLAIN_TEXT,
      len_max: 256,
      description:
        "Text before the caller's id; may hold a template's placeholder. Required with several issuers, unless common_caller_ids is set.",
    },
  },
  {
    roles_claims: {
      ...CLAIMS,
      description:
        "Claims that hold the roles; all count, in place of roles_claim. A list, a text, or the names of an object's members (Zitadel).",
    },
  },
  {
    roles_separator: {
      type: 'string',
      one_of: ['none', 'space', 'comma'],
      description: 'Separator of roles in one text. Omitted or none: the text is one role.',
    },
  },
  {
    scopes_claims: {
      ...CLAIMS,
      description: 'Claims that hold the scopes; all count, in place of scopes_claim.',
    },
  },
  {
    scopes_separator: {
      type: 'string',
      one_of: ['space', 'comma'],
      description: 'Separator of scopes in one text. Omitted: space.',
    },
  },
] as const satisfies Fields;
