import { ABSOLUTE_PATH } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

/** How a list is fetched and how long it counts as fresh. The names are those of `key_fetch`. */
const LIST_FETCH_FIELDS = [
  {
    timeout_ms: {
      type: 'integer',
      required: true,
      default: 5000,
      between: [100, 9000],
      description: 'Maximum milliseconds of a fetch.',
    },
  },
  {
    ttl: {
      type: 'integer',
      required: true,
      default: 30,
      between: [1, 86_400],
      description: 'Seconds that a list is fresh, if neither it nor the server says.',
    },
  },
  {
    min_ttl: {
      type: 'integer',
      required: true,
      default: 5,
      between: [1, 86_400],
      description: 'Minimum seconds that a list is fresh.',
    },
  },
  {
    max_ttl: {
      type: 'integer',
      required: true,
      default: 300,
      between: [1, 86_400],
      description: 'Maximum seconds that a list is fresh.',
    },
  },
  {
    cooldown: {
      type: 'integer',
      required: true,
      default: 10,
      between: [1, 3600],
      description: 'Minimum seconds after a failed fetch (up to six times as long after several).',
    },
  },
  {
    max_bytes: {
      type: 'integer',
      required: true,
      default: 16_777_216,
      between: [1024, 268_435_456],
      description: 'Maximum bytes of a list. An entry takes about 100.',
    },
  },
  {
    ca_file: {
      ...ABSOLUTE_PATH,
      description: 'PEM file with the certificates to verify the server against. Omitted: those of Node.js.',
    },
  },
  {
    cache_directory: {
      ...ABSOLUTE_PATH,
      description:
        'Folder for the last good list, for a start in an outage. At every start, an older list or stream in Redis is refused. As safe as key_fetch.cache_directory.',
    },
  },
  {
    proxy_url: {
      type: 'string',
      referenceable: true,
      encrypted: true,
      match: '^https?://',
      err: 'must be an http:// or https:// URL',
      description: 'HTTP proxy for fetching lists.',
    },
  },
  {
    allow_http: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Fetch lists over http: from other machines. UNSAFE without a signature: an attacker can omit revocations.',
    },
  },
  {
    allow_link_local: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Fetch lists from link-local addresses and metadata services. UNSAFE, as in key_fetch.',
    },
  },
] as const satisfies Fields;

export const LIST_FETCH = {
  type: 'record',
  required: true,
  fields: LIST_FETCH_FIELDS,
  description: 'How lists from a URL are fetched and kept.',
} as const;

export const MAX_STALE = {
  type: 'integer',
  required: true,
  default: 3600,
  between: [0, 604_800],
  description:
    'Seconds that the last good list is used while a newer one is unavailable; later revocations are missed. After that, 503. 0: never.',
} as const;

export const ALLOW_UNAVAILABLE = {
  type: 'boolean',
  required: true,
  default: false,
  description: 'Accept tokens in place of 503 when there is no usable list. UNSAFE: revoked tokens are accepted.',
} as const;
