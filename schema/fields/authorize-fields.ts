import { CLAIM_CONDITION } from './claim-condition-fields';
import { PLAIN_TEXT } from './field-patterns';
import type { EntityChecks, Fields } from '../../src/kong/schema-language/field';

/** One authorization rule. */
export const AUTHORIZE_FIELDS = [
  {
    methods: {
      type: 'array',
      required: true,
      default: [],
      elements: { type: 'string', match: '^%u[%u-]*$', err: 'must be a method in upper case' },
      description: 'Methods that this rule decides; GET includes HEAD. Empty: all.',
    },
  },
  {
    roles: {
      type: 'array',
      len_min: 1,
      elements: PLAIN_TEXT,
      description: 'The token must have one of these roles.',
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
        err: 'must be one scope: visible ASCII without space, quote and backslash (RFC 6749 §3.3)',
      },
      description: 'The token must have all of these scopes.',
    },
  },
  {
    claims: {
      type: 'array',
      len_min: 1,
      elements: CLAIM_CONDITION,
      description: 'Conditions on claims, all of which must hold.',
    },
  },
  {
    any_identity: {
      type: 'boolean',
      ne: false,
      err: 'must be true or left out',
      description: 'Any verified token is enough. Not with roles, scopes and claims.',
    },
  },
] as const satisfies Fields;

/** A rule that asks for nothing must say so. */
export const AUTHORIZE_ENTITY_CHECKS = [
  { at_least_one_of: ['roles', 'scopes', 'claims', 'any_identity'] },
  { mutually_exclusive_sets: { set1: ['any_identity'], set2: ['roles', 'scopes', 'claims'] } },
] as const satisfies EntityChecks;
