import { ABSOLUTE_PATH } from './field-patterns';
import type { Fields } from './kong-schema';

/** How one issuer's keys are fetched, kept and renewed. */
export const KEY_FETCH_FIELDS = [
  {
    timeout_ms: {
      type: 'integer',
      required: true,
      default: 5000,
      between: [100, 30_000],
      description: 'Milliseconds that one fetch may take, from the connection to the last byte.',
    },
  },
  {
    ttl: {
      type: 'integer',
      required: true,
      default: 600,
      between: [1, 86_400],
      description:
        'Seconds that fetched keys count as fresh when the provider sends no Cache-Control max-age and no Expires.',
    },
  },
  {
    min_ttl: {
      type: 'integer',
      required: true,
      default: 60,
      between: [1, 86_400],
      description:
        'Least seconds that fetched keys count as fresh, whatever the provider says: "no-cache" must not mean a fetch for each request.',
    },
  },
  {
    max_ttl: {
      type: 'integer',
      required: true,
      default: 3600,
      between: [1, 86_400],
      description:
        'Most seconds that fetched keys count as fresh, whatever the provider says. While the provider answers, a key that it removed stops working within this time.',
    },
  },
  {
    cooldown: {
      type: 'integer',
      required: true,
      default: 30,
      between: [1, 3600],
      description:
        'Least seconds between two fetches that are caused by unknown key ids or follow a failure. Tokens with random key ids cannot make the gateway flood the provider.',
    },
  },
  {
    max_stale: {
      type: 'integer',
      required: true,
      default: 3600,
      between: [0, 604_800],
      description:
        'Seconds past their freshness that keys are still used while the provider fails; after that requests get 503. 0: never use stale keys.',
    },
  },
  {
    max_bytes: {
      type: 'integer',
      required: true,
      default: 524_288,
      between: [1024, 10_485_760],
      description:
        'Largest key set or discovery document in bytes, after decompression. A larger one is a failed fetch.',
    },
  },
  {
    max_keys: {
      type: 'integer',
      required: true,
      default: 100,
      between: [1, 1000],
      description: 'Most keys that a fetched key set may hold. A set with more is a failed fetch.',
    },
  },
  {
    ca_file: {
      ...ABSOLUTE_PATH,
      description:
        'PEM file with the certificates that the provider is verified against, in place of those that Node.js ships. Certificates are always verified.',
    },
  },
  {
    cache_directory: {
      ...ABSOLUTE_PATH,
      description:
        'Folder in which the last good key set is kept, so that a gateway that starts while the provider is down can still verify tokens. Whoever can write to it decides which keys are trusted.',
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
        'HTTP proxy through which keys are fetched, with user and password in it when it wants them. May be a vault reference.',
    },
  },
  {
    allow_http: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Fetch keys over plain http: from hosts other than this machine. UNSAFE: whoever can change that traffic can sign tokens that this gateway believes.',
    },
  },
  {
    allow_link_local: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Fetch keys from link-local addresses (169.254.0.0/16, fe80::/10), where clouds keep their metadata service. UNSAFE: a provider that is taken over could read it.',
    },
  },
] as const satisfies Fields;
