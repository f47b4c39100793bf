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
        'Milliseconds that fetching keys may take in all: name lookup, discovery, connection, up to the last byte. Requests that need the keys wait as long, so keep it below the --deadline of the plugin server (10 seconds), or they get 500 rather than 503. A provider that is well answers in a fraction of the default.',
    },
  },
  {
    ttl: {
      type: 'integer',
      required: true,
      default: 600,
      between: [1, 86_400],
      description:
        'Seconds that fetched keys count as fresh when the provider sends no Cache-Control max-age and no Expires. The default asks a silent provider six times an hour, which none will mind.',
    },
  },
  {
    min_ttl: {
      type: 'integer',
      required: true,
      default: 60,
      between: [1, 86_400],
      description:
        'Minimum seconds that fetched keys are fresh, also when the provider forbids caching: "no-cache" must not cause a fetch for each request.',
    },
  },
  {
    max_ttl: {
      type: 'integer',
      required: true,
      default: 3600,
      between: [1, 86_400],
      description:
        'Maximum seconds that fetched keys are fresh, whatever the provider says. While the provider answers, a removed key is rejected within this time. The default, an hour, is a common lifetime of access tokens. Lower it where a leaked key must end sooner.',
    },
  },
  {
    cooldown: {
      type: 'integer',
      required: true,
      default: 30,
      between: [1, 3600],
      description:
        'Minimum seconds between two fetches that unknown key ids cause or that follow a failure. Repeated failures make it up to six times as long. So tokens with random key ids cannot flood the provider. A new key that the provider uses at once can stay unknown for so long, and after a failed first fetch requests get 503 for so long.',
    },
  },
  {
    max_stale: {
      type: 'integer',
      required: true,
      default: 3600,
      between: [0, 604_800],
      description:
        'Seconds past their freshness that keys are still used while the provider fails; after that requests get 503. The default rides out an hour without the provider; a key that is removed meanwhile works as long. 0: never use stale keys.',
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
        'PEM file with the certificates that the provider, and an https: proxy, is verified against, in place of those that Node.js ships. Read again for every fetch. system: those of the operating system (as lua_ssl_trusted_certificate in kong.conf). Certificates are always verified.',
    },
  },
  {
    bearer_token_file: {
      ...ABSOLUTE_PATH,
      description:
        "File with a token that is sent to the provider as Authorization: Bearer, such as a pod's /var/run/secrets/kubernetes.io/serviceaccount/token: Kubernetes shows its keys to known callers only. Read again for every fetch. It is sent to the origin of jwks_uri, or of the issuer with discovery, and to no other; not with allow_http.",
    },
  },
  {
    cache_directory: {
      ...ABSOLUTE_PATH,
      description:
        'Folder for the last good key set. A gateway that starts during an outage of the provider verifies tokens with it, as long as it could have used stale keys. Made with mode 0700 if it is missing; not used when others may write to it or to a folder above it without the sticky bit.',
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
        'HTTP proxy through which keys are fetched, with user and password in it when it wants them. HTTPS_PROXY and its like in the environment are ignored. The proxy resolves names, so where they lead is for it to restrict. May be a vault reference.',
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
        'Fetch keys from link-local addresses (169.254.0.0/16, fe80::/10) and the others at which clouds keep their metadata services. UNSAFE: a provider that is taken over could make the gateway ask there.',
    },
  },
] as const satisfies Fields;
