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
      description:
        'Milliseconds that fetching and reading a list may take in all. Requests wait for the first one only.',
    },
  },
  {
    ttl: {
      type: 'integer',
      required: true,
      default: 30,
      between: [1, 86_400],
      description:
        'Seconds that a list counts as fresh when neither its `ttl` nor the headers of the answer say anything. A new revocation is known after this time at the latest.',
    },
  },
  {
    min_ttl: {
      type: 'integer',
      required: true,
      default: 5,
      between: [1, 86_400],
      description: 'Minimum seconds that a list is fresh, whatever it says, so that requests cannot cause a flood.',
    },
  },
  {
    max_ttl: {
      type: 'integer',
      required: true,
      default: 300,
      between: [1, 86_400],
      description: 'Maximum seconds that a list is fresh, whatever it says.',
    },
  },
  {
    cooldown: {
      type: 'integer',
      required: true,
      default: 10,
      between: [1, 3600],
      description:
        'Minimum seconds between a failed fetch and the next. Repeated failures make it up to six times as long.',
    },
  },
  {
    max_bytes: {
      type: 'integer',
      required: true,
      default: 16_777_216,
      between: [1024, 268_435_456],
      description: 'Largest list in bytes. A larger one is a failed fetch. An entry takes about 100.',
    },
  },
  {
    ca_file: {
      ...ABSOLUTE_PATH,
      description:
        'PEM file with the certificates that the server is verified against, in place of those that Node.js ships. Certificates are always verified.',
    },
  },
  {
    cache_directory: {
      ...ABSOLUTE_PATH,
      description:
        'Folder for the last good list. A gateway that starts during an outage goes on with it, as long as it could have used a stale list, and one that starts at any time refuses an older list. Made with mode 0700 if it is missing; not used when others may write to it or to a folder above it without the sticky bit.',
    },
  },
  {
    proxy_url: {
      type: 'string',
      referenceable: true,
      encrypted: true,
      match: '^https?://',
      err: 'must be an http:// or https:// URL',
      description: 'HTTP proxy through which lists are fetched. May be a vault reference.',
    },
  },
  {
    allow_http: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Fetch lists over plain http: from hosts other than this machine. UNSAFE without a signature: an attacker who changes that traffic can omit revocations.',
    },
  },
  {
    allow_link_local: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Fetch lists from link-local addresses and metadata services. UNSAFE, as key_fetch says.',
    },
  },
] as const satisfies Fields;

export const LIST_FETCH = {
  type: 'record',
  required: true,
  fields: LIST_FETCH_FIELDS,
  description: 'How lists from a URL are fetched and renewed; without meaning for others.',
} as const;

export const MAX_STALE = {
  type: 'integer',
  required: true,
  default: 3600,
  between: [0, 604_800],
  description:
    'Seconds for which the last good list is still used while a newer one is unavailable. After that requests get 503. A token that is revoked meanwhile is accepted as long. 0: never use an old list.',
} as const;

export const ALLOW_UNAVAILABLE = {
  type: 'boolean',
  required: true,
  default: false,
  description:
    'Accept tokens without the list when it was never loaded or is older than max_stale. UNSAFE: revoked tokens are accepted then. Otherwise such requests get 503 (revocation_unavailable).',
} as const;
