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
        'URL of the protected resource as clients know it (RFC 9728 §1.2), https: unless it is on this machine, without query and fragment. Clients ask for a token with this name (RFC 8707), so list it in audiences.',
    },
  },
  {
    resource_name: {
      ...PLAIN_TEXT,
      len_max: 256,
      description: 'Name of the resource for people, which clients may show.',
    },
  },
  {
    resource_documentation: {
      ...PLAIN_TEXT,
      len_max: 2048,
      description: 'URL of a page for developers about the resource.',
    },
  },
] as const satisfies Fields;
