/**
 * The entities of a kong.yml in Kong's schema language, so that they are checked by the same interpreter, in the same
 * words, as the configuration of a plugin. Kong 3.9.3: kong/db/schema/entities/*.lua.
 */
import type { ArrayField, Fields, RecordField, StringField } from '../schema-language/field';
import { KONG_ONLY } from './configuration-error';

const name: StringField = {
  type: 'string',
  match: '^[%w%.%-_~]+$',
  err: 'it must only contain alphanumeric and ., -, _, ~ characters',
};

const path: StringField = {
  type: 'string',
  match: '^/',
  match_none: [{ pattern: '//', err: 'must not have empty segments' }],
  err: 'should start with: / (and must not have empty segments)',
};

const tags: ArrayField = { type: 'set', elements: { type: 'string' } };
const timeout = { type: 'integer', between: [1, 2_147_483_646], default: 60_000 } as const;

const common: Fields = [
  { id: { type: 'string', match: '^%x+%-%x+%-%x+%-%x+%-%x+$', err: 'expected a valid UUID' } },
  { created_at: { type: 'integer' } },
  { updated_at: { type: 'integer' } },
  { tags },
];

/** A service; `url` is taken apart before. */
export const SERVICE: RecordField = {
  type: 'record',
  fields: [
    ...common,
    { name },
    { retries: { type: 'integer', default: 5, between: [0, 32_767] } },
    {
      protocol: {
        type: 'string',
        required: true,
        default: 'http',
        one_of: ['http', 'https'],
        err: `not http or https: ${KONG_ONLY}`,
      },
    },
    { host: { type: 'string', required: true } },
    { port: { type: 'integer', required: true, default: 80, between: [0, 65_535] } },
    { path },
    { connect_timeout: timeout },
    { write_timeout: timeout },
    { read_timeout: timeout },
    { tls_verify: { type: 'boolean' } },
    { enabled: { type: 'boolean', required: true, default: true } },
  ],
};

/** A route; its service stands around it or is named before. */
export const ROUTE: RecordField = {
  type: 'record',
  fields: [
    ...common,
    { name },
    {
      protocols: {
        type: 'set',
        required: true,
        default: ['http', 'https'],
        len_min: 1,
        elements: { type: 'string', one_of: ['http', 'https'], err: `not http or https: ${KONG_ONLY}` },
      },
    },
    { methods: { type: 'set', elements: { type: 'string', match: '^%u+$' } } },
    { hosts: { type: 'array', elements: { type: 'string' } } },
    {
      paths: {
        type: 'array',
        elements: { type: 'string', match: '^~?/', err: 'should start with: / (fixed path) or ~/ (regex path)' },
      },
    },
    {
      headers: {
        type: 'map',
        keys: { type: 'string', match: '^[%w%-_]+$', err: 'is not the name of a header' },
        values: { type: 'array', len_min: 1, elements: { type: 'string' } },
      },
    },
    { https_redirect_status_code: { type: 'integer', required: true, default: 426 } },
    { regex_priority: { type: 'integer', default: 0 } },
    { strip_path: { type: 'boolean', required: true, default: true } },
    { preserve_host: { type: 'boolean', required: true, default: false } },
    { path_handling: { type: 'string', default: 'v0', one_of: ['v0'], err: KONG_ONLY } },
    { request_buffering: { type: 'boolean', required: true, default: true } },
    { response_buffering: { type: 'boolean', required: true, default: true } },
  ],
  entity_checks: [{ at_least_one_of: ['methods', 'hosts', 'headers', 'paths'] }],
};

/** A consumer; its groups (`acls`) and keys (`keyauth_credentials`) are taken out before. */
export const CONSUMER: RecordField = {
  type: 'record',
  fields: [...common, { username: { type: 'string' } }, { custom_id: { type: 'string' } }],
  entity_checks: [{ at_least_one_of: ['custom_id', 'username'] }],
};

/** A consumer's membership in a group; its consumer stands around it or is named before. */
export const ACL: RecordField = {
  type: 'record',
  fields: [...common, { group: { type: 'string', required: true } }],
};

/** A consumer's key; its consumer stands around it or is named before. */
export const KEY_CREDENTIAL: RecordField = {
  type: 'record',
  fields: [
    ...common,
    { key: { type: 'string', required: true, encrypted: true } },
    { ttl: { type: 'integer', between: [0, 0], err: KONG_ONLY } },
  ],
};

/** A plugin; its `config` and what it is attached to are taken out before. */
export const PLUGIN: RecordField = {
  type: 'record',
  fields: [
    ...common,
    { name: { type: 'string', required: true } },
    { instance_name: name },
    { enabled: { type: 'boolean', required: true, default: true } },
    { protocols: { type: 'set', elements: { type: 'string' } } },
  ],
};

/** What Kong has at the top of a file and this gateway does not. */
export const KONG_ONLY_ENTITIES: readonly string[] = [
  'upstreams',
  'targets',
  'certificates',
  'ca_certificates',
  'snis',
  'vaults',
  'consumer_groups',
  'key_sets',
  'keys',
  'filter_chains',
  'workspaces',
  'parameters',
  'clustering_data_planes',
];

/** Fields that Kong has and this gateway does not, by the entity that holds them. */
export const KONG_ONLY_FIELDS: readonly string[] = [
  'services.client_certificate',
  'services.tls_verify_depth',
  'services.ca_certificates',
  'routes.snis',
  'routes.sources',
  'routes.destinations',
  'routes.expression',
  'routes.priority',
  'consumers.basicauth_credentials',
  'consumers.hmacauth_credentials',
  'consumers.jwt_secrets',
  'consumers.oauth2_credentials',
  'consumers.groups',
  'plugins.ordering',
  'plugins.consumer_group',
];
