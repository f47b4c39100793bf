import { CLAIM } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

/** What Kong's other plugins are told about a caller. */
export const HAND_OVER_FIELDS = [
  {
    authenticated_groups_claim: {
      ...CLAIM,
      description: "Claim with the caller's groups for Kong's acl plugin.",
    },
  },
  {
    consumer_claim: {
      ...CLAIM,
      description: "Claim that names the caller's Kong consumer; costs a round trip to Kong.",
    },
  },
  {
    consumer_by: {
      type: 'string',
      required: true,
      default: 'username',
      one_of: ['id', 'username'],
      description: 'Member of the consumer that the claim must equal.',
    },
  },
  {
    consumer_optional: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Accept callers without a known consumer, in place of consumer_unknown.',
    },
  },
  {
    credential_claim: {
      ...CLAIM,
      description: "Claim that becomes the credential's id, for rate-limiting by credential.",
    },
  },
] as const satisfies Fields;
