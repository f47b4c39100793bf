import { CLAIM, CLAIM_PATTERN, PLAIN_TEXT } from './field-patterns';
import type { RecordField } from '../../src/kong/schema-language/field';

/** One condition on one claim: of an authorization rule, or of all tokens of an issuer. */
export const CLAIM_CONDITION = {
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
          'Values of which the claim, or an item of a list, must equal one. Numbers and booleans are compared as text.',
      },
    },
    {
      matches: {
        type: 'array',
        len_min: 1,
        elements: CLAIM_PATTERN,
        description:
          'Patterns of which the claim, or an item of a list, must match one as a whole. "*" matches any text; all other characters match themselves. A star cannot be escaped.',
      },
    },
    {
      present: {
        type: 'boolean',
        ne: false,
        err: 'must be true or left out',
        description:
          'The claim must be present with any value; null, "", [] and {} count as absent, false does not. For a claim that is true or false use one_of.',
      },
    },
  ],
  entity_checks: [{ only_one_of: ['one_of', 'matches', 'present'] }],
} as const satisfies RecordField;
