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
        'Maximum milliseconds of a fetch: name lookup, discovery, connection, up to the last byte. Requests that need the keys wait for it. Keep it below the --deadline of the plugin server (10 seconds), or they get 500 in place of 503.',
    },
  },
  {
    ttl: {
      type: 'integer',
      required: true,
      default: 600,
      between: [1, 86_400],
      description:
        'Seconds that fetched keys are fresh when the provider sends neither Cache-Control max-age nor Expires.',
    },
  },
  {
    min_ttl: {
      type: 'integer',
      required: true,
      default: 60,
      between: [1, 86_400],
      description: 'Minimum seconds that fetched keys are fresh, even if the provider forbids caching.',
    },
  },
  {
    max_ttl: {
      type: 'integer',
      required: true,
      default: 3600,
      between: [1, 86_400],
      description:
        'Maximum seconds that fetched keys are fresh, whatever the provider says. While the provider answers, a removed key is rejected within this time. Lower it if a leaked key must end sooner.',
    },
  },
  {
    cooldown: {
      type: 'integer',
      required: true,
      default: 30,
      between: [1, 3600],
      description:
        'Minimum seconds between fetches for unknown key ids, and after a failure (up to six times as long after several). Tokens with random key ids cannot flood the provider. A new key that the provider uses at once may be unknown, and requests after a failed first fetch get 503, for this time.',
    },
  },
  {
    max_stale: {
      type: 'integer',
      required: true,
      default: 3600,
      between: [0, 604_800],
      description:
        'Seconds past their freshness that keys are still used while the provider fails. After that, requests get 503. A key that is removed meanwhile is accepted as long. 0: never use stale keys.',
    },
  },
  {
    max_bytes: {
      type: 'integer',
      required: true,
      default: 524_288,
      between: [1024, 10_485_760],
      description:
        'Largest key set or discovery document in bytes, unpacked if it is gzip. A larger one is a failed fetch. A key with its certificate chain takes about 5000.',
    },
  },
  {
    max_keys: {
      type: 'integer',
      required: true,
      default: 100,
      between: [1, 1000],
      description:
        'Maximum number of keys in a fetched set, usable or not. A set with more is a failed fetch. Providers publish two to ten.',
    },
  },
  {
    ca_file: {
      type: 'string',
      // Kong's patterns know no alternatives: that it is exactly "system" is checked when the plugin starts.
      match: '^[/s][^%c]*$',
      err: 'must be an absolute path, or system',
      description:
        'PEM file with the certificates that the provider, and an https: proxy, is verified against, in place of those of Node.js. Read again for each fetch. system: those of the operating system. Certificates are always verified.',
    },
  },
  {
    bearer_token_file: {
      ...ABSOLUTE_PATH,
      description:
        'File with a token that is sent to the provider as Authorization: Bearer, such as that of a pod: Kubernetes shows its keys to known callers only. Read again for each fetch. Sent only to the origin of jwks_uri, or of the issuer with discovery; not with allow_http.',
    },
  },
  {
    cache_directory: {
      ...ABSOLUTE_PATH,
      description:
        'Folder for the last good key set, for a gateway that starts during an outage of the provider. It is used as long as stale keys. Made with mode 0700 if missing; not used if others may write to it, or to a folder above it without the sticky bit.',
    },
  },
  {
    proxy_url: {
      type: 'string',
      referenceable: true,
      encrypted: true,
      match: '^https?://',
      err: 'must be an http:// or https:// URL',
      description:
        'HTTP proxy through which keys are fetched, with user and password if it needs them. Variables such as HTTPS_PROXY are ignored. The proxy resolves names and must restrict where they lead. May be a vault reference.',
    },
  },
  {
    allow_http: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Fetch keys over plain http: from hosts other than this machine. UNSAFE: an attacker who changes that traffic can sign tokens that this gateway accepts.',
    },
  },
  {
    allow_link_local: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Fetch keys from link-local addresses (169.254.0.0/16, fe80::/10) and from metadata services of clouds. UNSAFE: an attacker who controls the provider could make the gateway send requests there.',
    },
  },
] as const satisfies Fields;
