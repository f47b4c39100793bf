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
        description: 'Claim to look at: a name or a JSON Pointer.',
      },
    },
    {
      one_of: {
        type: 'array',
        len_min: 1,
        elements: PLAIN_TEXT,
        description: 'The claim, or an item of it, must equal one of these, as text.',
      },
    },
    {
      matches: {
        type: 'array',
        len_min: 1,
        elements: CLAIM_PATTERN,
        description: 'The claim, or an item of it, must match one of these as a whole. "*" matches any text.',
      },
    },
    {
      present: {
        type: 'boolean',
        ne: false,
        err: 'must be true or left out',
        description: 'The claim must be there; null, "", [] and {} count as absent.',
      },
    },
  ],
  entity_checks: [{ only_one_of: ['one_of', 'matches', 'present'] }],
} as const satisfies RecordField;
