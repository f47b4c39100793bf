import { CLAIM, CLAIM_PATTERN, PLAIN_TEXT } from './field-patterns';
import type { EntityChecks, Fields } from '../../src/kong/schema-language/field';

/** One authorization rule. */
export const AUTHORIZE_FIELDS = [
  {
    methods: {
      type: 'array',
      required: true,
      default: [],
      elements: { type: 'string', match: '^%u[%u-]*$', err: 'must be a method in upper case' },
      description:
        'Request methods that this rule decides, in upper case; GET stands for HEAD too. An empty list: every method.',
    },
  },
  {
    roles: {
      type: 'array',
      len_min: 1,
      elements: PLAIN_TEXT,
      description: 'One of these must be among the roles of the token (roles_claim).',
    },
  },
  {
    scopes: {
      type: 'array',
      len_min: 1,
      elements: {
        type: 'string',
        // RFC 6749 §3.3: scope-token = 1*( %x21 / %x23-5B / %x5D-7E )
        match: '^[!#-[%]^-~]+$',
        err: 'must be one scope: visible ASCII without blank, quote and backslash (RFC 6749 §3.3)',
      },
      description: 'All of these must be among the scopes of the token (scopes_claim); otherwise insufficient_scope.',
    },
  },
  {
    claims: {
      type: 'array',
      len_min: 1,
      elements: {
        type: 'record',
        fields: [
          {
            claim: {
              ...CLAIM,
              required: true,
              description: 'Name of the claim, or a JSON Pointer to it when it starts with "/" (RFC 6901).',
            },
          },
          {
            one_of: {
              type: 'array',
              len_min: 1,
              elements: PLAIN_TEXT,
              description:
                'Values of which the claim must be one or, when it is a list, hold one. Numbers and booleans are compared as text.',
            },
          },
          {
            matches: {
              type: 'array',
              len_min: 1,
              elements: CLAIM_PATTERN,
              description:
                'Patterns of which the claim or, when it is a list, an item must match one, from its first character to its last: "*" stands for any text, everything else for itself. There is no way to write a star.',
            },
          },
          {
            present: {
              type: 'boolean',
              ne: false,
              err: 'must be true or left out',
              description:
                'The claim must be there, whatever it says; null, "", [] and {} count as not there, false does not. For a claim that is true or false use one_of.',
            },
          },
        ],
        entity_checks: [{ only_one_of: ['one_of', 'matches', 'present'] }],
      },
      description: 'Conditions on claims; all of them must hold.',
    },
  },
  {
    any_identity: {
      type: 'boolean',
      ne: false,
      err: 'must be true or left out',
      description: 'Any verified token will do for these methods. Cannot stand together with roles, scopes and claims.',
    },
  },
] as const satisfies Fields;

/** A rule that asks for nothing must say so. */
export const AUTHORIZE_ENTITY_CHECKS = [
  { at_least_one_of: ['roles', 'scopes', 'claims', 'any_identity'] },
  { mutually_exclusive_sets: { set1: ['any_identity'], set2: ['roles', 'scopes', 'claims'] } },
] as const satisfies EntityChecks;
