import { ABSOLUTE_PATH, PLAIN_TEXT } from './field-patterns';
import type { EntityChecks, Fields } from '../../src/kong/schema-language/field';

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

const LIST_FETCH = {
  type: 'record',
  required: true,
  fields: LIST_FETCH_FIELDS,
  description: 'How lists from a URL are fetched and renewed; without meaning for others.',
} as const;

const MAX_STALE = {
  type: 'integer',
  required: true,
  default: 3600,
  between: [0, 604_800],
  description:
    'Seconds for which the last good list is still used while a newer one is unavailable. After that requests get 503. A token that is revoked meanwhile is accepted as long. 0: never use an old list.',
} as const;

const ALLOW_UNAVAILABLE = {
  type: 'boolean',
  required: true,
  default: false,
  description:
    'Go on without the list when it was never there or is older than max_stale. UNSAFE: revoked tokens are accepted then. Otherwise such requests get 503 (revocation_unavailable).',
} as const;

/** Where a list is replicated from; the names of Kong's own `redis` records. */
const REDIS_FIELDS = [
  {
    host: {
      ...PLAIN_TEXT,
      required: true,
      len_max: 255,
      description: 'Name or address of the Redis or Valkey server (Redis 7, Valkey 7.2 or later).',
    },
  },
  {
    port: {
      type: 'integer',
      required: true,
      default: 6379,
      between: [1, 65_535],
      description: 'Port of the server.',
    },
  },
  {
    key: {
      ...PLAIN_TEXT,
      required: true,
      len_min: 1,
      len_max: 256,
      default: 'jwt-identity:revocations',
      description: 'Name of the stream that holds the list. `kong-jwt-identity revoke --init` creates it.',
    },
  },
  {
    username: {
      type: 'string',
      referenceable: true,
      description: 'User for AUTH; it needs XREAD, XRANGE and XINFO on the key. May be a vault reference.',
    },
  },
  {
    password: {
      type: 'string',
      referenceable: true,
      encrypted: true,
      description: 'Password for AUTH. May be a vault reference.',
    },
  },
  {
    database: {
      type: 'integer',
      required: true,
      default: 0,
      between: [0, 65_535],
      description: 'Number of the database.',
    },
  },
  {
    timeout: {
      type: 'integer',
      required: true,
      default: 2000,
      between: [100, 9000],
      description:
        'Milliseconds that connecting, and each answer, may take. Requests wait for the first copy only, at most as long.',
    },
  },
  {
    ssl: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Use TLS. The certificate is always verified.',
    },
  },
  {
    server_name: {
      ...PLAIN_TEXT,
      len_max: 255,
      description: 'Name that the certificate must be for (SNI). If omitted: host.',
    },
  },
  {
    ca_file: {
      ...ABSOLUTE_PATH,
      description: 'PEM file with the certificates that the server is verified against, in place of those of Node.js.',
    },
  },
  {
    allow_plaintext: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Talk to a server on another machine without TLS. UNSAFE: an attacker who changes that traffic can omit revocations.',
    },
  },
] as const satisfies Fields;

/** One list of revoked tokens. */
export const REVOCATION_LIST_FIELDS = [
  {
    file: {
      ...ABSOLUTE_PATH,
      description:
        'A file with the list, looked at every second while it is in use. `kong-jwt-identity revoke` writes it.',
    },
  },
  {
    url: {
      ...PLAIN_TEXT,
      len_max: 2048,
      description: 'A URL from which the list is fetched, https: unless it is on this machine.',
    },
  },
  {
    redis: {
      type: 'record',
      required: false,
      fields: REDIS_FIELDS,
      description: 'A stream in Redis or Valkey that every gateway follows. No request waits for an answer of Redis.',
    },
  },
  {
    issuer: {
      ...PLAIN_TEXT,
      len_max: 2048,
      description:
        'The issuer whose tokens the list is about, one of issuers. Entries may leave out `iss` then and must not name another. If omitted: every entry names its issuer.',
    },
  },
  {
    signed: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'The list at url is a JWT of the type revocation-list+jwt, signed with a key of issuer. A list that is not is refused.',
    },
  },
  { max_stale: MAX_STALE },
  { allow_unavailable: ALLOW_UNAVAILABLE },
  {
    max_entries: {
      type: 'integer',
      required: true,
      default: 1_000_000,
      between: [1, 10_000_000],
      description:
        'Maximum number of entries. A list with more is rejected. A million take about 65 MB in each process.',
    },
  },
  { list_fetch: LIST_FETCH },
] as const satisfies Fields;

/** What Kong can check across the fields of a list. */
export const REVOCATION_LIST_ENTITY_CHECKS = [
  { only_one_of: ['file', 'url', 'redis'] },
  ...(['url', 'issuer'] as const).map((field) => ({
    conditional: {
      if_field: 'signed',
      if_match: { eq: true },
      then_field: field,
      then_match: { required: true },
      then_err: `a signed list needs ${field}`,
    },
  })),
] as const satisfies EntityChecks;

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
