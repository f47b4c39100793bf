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
      description: 'Beginnings of the lists\' URLs, up to a "/".',
    },
  },
  {
    required: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Reject tokens that name no status list.',
    },
  },
  {
    max_lists: {
      type: 'integer',
      required: true,
      default: 100,
      between: [1, 10_000],
      description: 'Maximum cached lists; the least recently used go first.',
    },
  },
  {
    max_list_bytes: {
      type: 'integer',
      required: true,
      default: 1_048_576,
      between: [1024, 67_108_864],
      description: 'Maximum bytes of an unpacked list. A token takes 1 to 8 bits.',
    },
  },
  { max_stale: MAX_STALE },
  { allow_unavailable: ALLOW_UNAVAILABLE },
  { list_fetch: LIST_FETCH },
] as const satisfies Fields;
