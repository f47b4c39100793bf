import { ABSOLUTE_PATH, PLAIN_TEXT } from './field-patterns';
import type { Fields } from '../../src/kong/schema-language/field';

/** Where a list is replicated from; the names of Kong's own `redis` records. */
export const REDIS_FIELDS = [
  {
    host: {
      ...PLAIN_TEXT,
      required: true,
      len_max: 255,
      description: 'Name or address of the server: Redis 7, Valkey 7.2 or later.',
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
      description: 'Name of the stream with the list. `kong-jwt-identity revoke --init` creates it.',
    },
  },
  {
    username: {
      type: 'string',
      referenceable: true,
      description: 'User for AUTH, with XREAD, XRANGE and XINFO on the key.',
    },
  },
  {
    password: {
      type: 'string',
      referenceable: true,
      encrypted: true,
      description: 'Password for AUTH.',
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
      description: 'Maximum milliseconds of connecting, and of each answer.',
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
      description: 'Name that the certificate must be for (SNI). Omitted: host.',
    },
  },
  {
    ca_file: {
      ...ABSOLUTE_PATH,
      description: 'PEM file with the certificates to verify the server against. Omitted: those of Node.js.',
    },
  },
  {
    allow_plaintext: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Use another machine without TLS. UNSAFE: an attacker can omit revocations.',
    },
  },
] as const satisfies Fields;
