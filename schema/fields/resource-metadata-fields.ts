import { PLAIN_TEXT } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

/** How a client finds out where to get a token (RFC 9728). */
export const RESOURCE_METADATA_FIELDS = [
  {
    resource: {
      ...PLAIN_TEXT,
      required: true,
      len_max: 2048,
      description:
        'URL of the resource as clients know it, without query and fragment. List it in audiences (RFC 8707).',
    },
  },
  {
    resource_name: {
      ...PLAIN_TEXT,
      len_max: 256,
      description: 'Name of the resource for people.',
    },
  },
  {
    resource_documentation: {
      ...PLAIN_TEXT,
      len_max: 2048,
      description: 'URL of a page for developers.',
    },
  },
] as const satisfies Fields;
