import { PLAIN_TEXT } from './field-patterns';
import { ALLOW_UNAVAILABLE, LIST_FETCH, MAX_STALE } from './list-fetch-fields';
import type { Fields } from '../../src/kong/schema-language/field';

/** How one issuer's status lists are used. */
export const STATUS_LIST_FIELDS = [
  {
    uri_prefixes: {
      type: 'array',
      required: true,
      len_min: 1,
      elements: { ...PLAIN_TEXT, len_max: 2048 },
      description:
        'Beginnings of the URLs at which the lists are, up to a "/". A token that refers to another URL is rejected; nothing is fetched from there.',
    },
  },
  {
    required: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Reject tokens that refer to no status list. Otherwise they are accepted.',
    },
  },
  {
    max_lists: {
      type: 'integer',
      required: true,
      default: 100,
      between: [1, 10_000],
      description: 'Maximum number of cached lists. The least recently used are dropped first.',
    },
  },
  {
    max_list_bytes: {
      type: 'integer',
      required: true,
      default: 1_048_576,
      between: [1024, 67_108_864],
      description: 'Maximum bytes of an unpacked list. A larger one is rejected. A token takes 1 to 8 bits.',
    },
  },
  { max_stale: MAX_STALE },
  { allow_unavailable: ALLOW_UNAVAILABLE },
  { list_fetch: LIST_FETCH },
] as const satisfies Fields;
