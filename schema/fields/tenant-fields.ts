import { CLAIM } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

/** Which tenants of a provider are believed, when `issuer` is a template. */
export const TENANT_FIELDS = [
  {
    tenants: {
      type: 'array',
      len_min: 1,
      len_max: 10_000,
      elements: {
        type: 'string',
        len_max: 128,
        match: '^%w[%w._-]*$',
        err: 'must be at most 128 letters, digits, ".", "_" and "-", and begin with a letter or digit',
      },
      description: "Accepted values of the template's placeholder.",
    },
  },
  {
    any_tenant: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Accept every tenant. UNSAFE if anybody can become one: restrict them with authorize. Needs tenant_claim and one key set for all.',
    },
  },
  {
    tenant_claim: {
      ...CLAIM,
      description: 'Claim that must equal the tenant in `iss`. Optional if each tenant has its own key set.',
    },
  },
  {
    tenant_format: {
      type: 'string',
      one_of: ['name', 'uuid'],
      description: 'name: letters, digits, "_" and "-", and with tenants also ".". uuid: in lower case. Omitted: name.',
    },
  },
] as const satisfies Fields;
