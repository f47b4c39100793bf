import { CLAIM } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

/** What Kong's other plugins are told about a caller. */
export const HAND_OVER_FIELDS = [
  {
    authenticated_groups_claim: {
      ...CLAIM,
      description:
        "Claim whose values become the groups of the caller for Kong's acl plugin, without a consumer. If omitted: none.",
    },
  },
  {
    consumer_claim: {
      ...CLAIM,
      description:
        'Claim that names the Kong consumer of the caller, for plugins that work by consumer. The search costs one round trip to Kong. The service receives X-Consumer-ID, -Username and -Custom-ID. If omitted: no consumer.',
    },
  },
  {
    consumer_by: {
      type: 'string',
      required: true,
      default: 'username',
      one_of: ['id', 'username'],
      description:
        'Member of the Kong consumer that consumer_claim must equal. Kong lets no external plugin look for a custom_id.',
    },
  },
  {
    consumer_optional: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Accept callers whose token names no known consumer, without a consumer. Otherwise they are rejected (consumer_unknown).',
    },
  },
  {
    credential_claim: {
      ...CLAIM,
      description:
        'Claim that becomes the id of the credential, for plugins such as rate-limiting by credential. If omitted: no credential is set.',
    },
  },
] as const satisfies Fields;
