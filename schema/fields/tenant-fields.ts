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
      description:
        'Accepted tenants when issuer is a template: values of its placeholder, compared character by character.',
    },
  },
  {
    any_tenant: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Accept tokens of every tenant of the provider when issuer is a template. UNSAFE if anybody can become a tenant: restrict tenants with authorize. All tenants must share one key set, and tenant_claim must be set.',
    },
  },
  {
    tenant_claim: {
      ...CLAIM,
      description:
        "Claim that must equal the tenant in a template's issuer, such as tid for Entra ID. May be omitted if each tenant has a key set of its own.",
    },
  },
  {
    tenant_format: {
      type: 'string',
      one_of: ['name', 'uuid'],
      description:
        'What a tenant looks like: name (letters, digits, "_" and "-", and with a list of tenants also "."), or uuid (in lower case). If omitted: name.',
    },
  },
] as const satisfies Fields;
