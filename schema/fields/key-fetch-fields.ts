import { ABSOLUTE_PATH } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

/** How one issuer's keys are fetched, kept and renewed. */
export const KEY_FETCH_FIELDS = [
  {
    timeout_ms: {
      type: 'integer',
      required: true,
      default: 5000,
      // Requests may wait for a fetch, and the plugin server refuses with 500 what takes 10 seconds.
      between: [100, 9000],
      description:
        'Maximum milliseconds of a whole fetch, for which requests may wait. Keep it below `serve --deadline` (10 s).',
    },
  },
  {
    ttl: {
      type: 'integer',
      required: true,
      default: 600,
      between: [1, 86_400],
      description: 'Seconds that keys are fresh, if the provider does not say.',
    },
  },
  {
    min_ttl: {
      type: 'integer',
      required: true,
      default: 60,
      between: [1, 86_400],
      description: 'Minimum seconds that keys are fresh, even if the provider forbids caching.',
    },
  },
  {
    max_ttl: {
      type: 'integer',
      required: true,
      default: 3600,
      between: [1, 86_400],
      description: 'Maximum seconds that keys are fresh: a removed key is accepted as long.',
    },
  },
  {
    cooldown: {
      type: 'integer',
      required: true,
      default: 30,
      between: [1, 3600],
      description:
        'Minimum seconds between fetches for unknown key ids, and after a failure (up to six times as long after several).',
    },
  },
  {
    max_stale: {
      type: 'integer',
      required: true,
      default: 3600,
      between: [0, 604_800],
      description:
        'Seconds past freshness that keys, also removed ones, are used while the provider fails. After that, 503. 0: never.',
    },
  },
  {
    max_bytes: {
      type: 'integer',
      required: true,
      default: 524_288,
      between: [1024, 10_485_760],
      description: 'Maximum bytes of a key set or discovery document, unpacked.',
    },
  },
  {
    max_keys: {
      type: 'integer',
      required: true,
      default: 100,
      between: [1, 1000],
      description: 'Maximum keys in a set, usable or not.',
    },
  },
  {
    ca_file: {
      type: 'string',
      // Kong's patterns know no alternatives: that it is exactly "system" is checked when the plugin starts.
      match: '^[/s][^%c]*$',
      err: 'must be an absolute path, or system',
      description:
        'PEM file with the certificates to verify provider and https: proxy against; system: those of the operating system. Omitted: those of Node.js.',
    },
  },
  {
    bearer_token_file: {
      ...ABSOLUTE_PATH,
      description:
        'File with a bearer token for the provider, read for each fetch. Sent only to the origin of jwks_uri, or with discovery of the issuer. Not with allow_http.',
    },
  },
  {
    cache_directory: {
      ...ABSOLUTE_PATH,
      description:
        'Folder for the last good key set, for a start in an outage. Not used if others may write to it (docs/OPERATIONS.md).',
    },
  },
  {
    proxy_url: {
      type: 'string',
      referenceable: true,
      encrypted: true,
      match: '^https?://',
      err: 'must be an http:// or https:// URL',
      description: 'HTTP proxy for fetching keys; it must restrict where names lead. HTTPS_PROXY is ignored.',
    },
  },
  {
    allow_http: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Fetch keys over http: from other machines. UNSAFE: an attacker in the network can sign tokens.',
    },
  },
  {
    allow_link_local: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Fetch keys from link-local addresses and metadata services of clouds. UNSAFE: the provider can direct requests there.',
    },
  },
] as const satisfies Fields;
