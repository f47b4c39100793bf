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
      description:
        'Claim that must hold one of the audiences, such as client_id for the access tokens of Cognito. If omitted: aud.',
    },
  },
  {
    required_claims: {
      type: 'array',
      elements: CLAIM,
      description: 'Claims that each token of this entry must have, in place of required_claims of the configuration.',
    },
  },
  {
    conditions: {
      type: 'array',
      elements: CLAIM_CONDITION,
      description:
        "Conditions on claims that each token of this entry must meet, on every route, also where allow_missing is set. They are added to those of a preset, unless they name the same claim. A token that does not meet them is not this caller's: 401.",
    },
  },
  {
    token_types: {
      type: 'array',
      elements: TOKEN_TYPE,
      description:
        'Accepted values of the typ header for this entry, in place of token_types of the configuration. An empty list: none, or any that does not name another kind of token.',
    },
  },
  {
    caller_claims: {
      ...CLAIMS,
      description:
        "Claims for the caller's id: the first that is there, such as [sub, client_id]. It takes the place of the claim sub in identity_headers, consumer_claim, credential_claim and log_user_claim, and a token without any of them is refused. If omitted: sub.",
    },
  },
  {
    caller_prefix: {
      ...PLAIN_TEXT,
      len_max: 256,
      description:
        "Text in front of the caller's id, so that callers of two issuers stay two callers, such as keycloak: or, for a template, entra/{tenantid}/. Needed when a configuration has several issuers (see common_caller_ids).",
    },
  },
  {
    roles_claims: {
      ...CLAIMS,
      description:
        'Claims that hold the roles; those of all of them count. It takes the place of roles_claim of the configuration, also in identity_headers and authenticated_groups_claim. A list, a text, or an object whose member names are the roles: those of members that are objects and not empty (Zitadel).',
    },
  },
  {
    roles_separator: {
      type: 'string',
      one_of: ['none', 'space', 'comma'],
      description: 'Separator of roles in a claim that is one text. Omitted or none: the text is one role.',
    },
  },
  {
    scopes_claims: {
      ...CLAIMS,
      description:
        'Claims that hold the scopes; those of all of them count. It takes the place of scopes_claim of the configuration.',
    },
  },
  {
    scopes_separator: {
      type: 'string',
      one_of: ['space', 'comma'],
      description: 'Separator of scopes in a claim that is one text. If omitted: space (RFC 8693 §4.2).',
    },
  },
] as const satisfies Fields;
