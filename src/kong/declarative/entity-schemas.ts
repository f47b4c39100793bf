/**
 * The entities of a kong.yml in Kong's schema language, so that they are checked by the same interpreter, in the same
 * words, as the configuration of a plugin. Kong 3.9.3: kong/db/schema/entities/*.lua.
 */
import type { ArrayField, Field, Fields, NumberField, RecordField, StringField } from '../schema-language/field';
import { KONG_ONLY } from './configuration-error';
import { hostProblem, routeHostProblem } from './host-name';
import { patternProblem } from './path-pattern';
import { routePathProblem, servicePathProblem } from './url-path';

/** A field that Kong has and this gateway does not. Null and empty lists are nothing, and taken. */
export const kongOnly: Field = {
  type: 'any',
  custom_validator: (value) => (isNothing(value) ? null : KONG_ONLY),
};

function isNothing(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

/** A field that is left to Kong with any value: Kong refuses some that are empty. */
export const alwaysKongOnly: Field = { type: 'any', custom_validator: () => KONG_ONLY };

const PROTOCOLS = ['grpc', 'grpcs', 'http', 'https', 'tcp', 'tls', 'tls_passthrough', 'udp'];

/** One of Kong's protocols, of which this gateway has two. */
const protocol: StringField = {
  type: 'string',
  one_of: PROTOCOLS,
  custom_validator: (name) => (['http', 'https'].includes(name) ? null : KONG_ONLY),
};

const name: StringField = {
  type: 'string',
  custom_validator: (text) =>
    /^(?:[\w.~-]|[^\x00-\x7f])+$/.test(text)
      ? null
      : `invalid value '${text}': the only accepted ascii characters are alphanumerics or ., -, _, and ~`,
};

const tags: ArrayField = {
  type: 'set',
  elements: {
    type: 'string',
    custom_validator: (tag) =>
      /^(?:[ !-+\-.0-~]|[^\x00-\x7f])+$/.test(tag)
        ? null
        : `invalid tag '${tag}': expected printable ascii (except \`,\` and \`/\`) or valid utf-8 sequences`,
  },
};

/** Kong 3.9.3, kong/tools/http.lua */
const headerName: StringField = {
  type: 'string',
  custom_validator: (text) => {
    if (/^host$/i.test(text)) {
      return "cannot contain 'host' header, which must be specified in the 'hosts' attribute";
    }
    if (/^[\w-]+$/.test(text)) return null;
    return `bad header name '${text}', allowed characters are A-Z, a-z, 0-9, '_', and '-'`;
  },
};

/** A value that starts with `~*` is a regular expression. */
const headerValue: StringField = {
  type: 'string',
  custom_validator: (text) => (text.startsWith('~*') ? patternProblem(text.slice(2)) : null),
};

const timeout: NumberField = { type: 'integer', between: [1, 2_147_483_646], default: 60_000 };

const uuid: StringField = {
  type: 'string',
  custom_validator: (text) =>
    /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text) ? null : 'expected a valid UUID',
};

/** What every entity may have. `updated_at` may stand everywhere and means nothing. */
const common: Fields = [
  { id: uuid },
  { created_at: { type: 'integer', custom_validator: (time) => (time > 0 ? null : 'expected a valid timestamp') } },
  { tags },
  { _comment: { type: 'string' } },
  { _ignore: { type: 'array', elements: { type: 'any' } } },
];

/** A service; `url` is taken apart before. */
export const SERVICE: RecordField = {
  type: 'record',
  fields: [
    ...common,
    { name },
    { retries: { type: 'integer', default: 5, between: [0, 32_767] } },
    { protocol: { ...protocol, required: true, default: 'http' } },
    { host: { type: 'string', required: true, custom_validator: hostProblem } },
    { port: { type: 'integer', required: true, default: 80, between: [0, 65_535] } },
    { path: { type: 'string', custom_validator: servicePathProblem } },
    { connect_timeout: timeout },
    { write_timeout: timeout },
    { read_timeout: timeout },
    { tls_verify: { type: 'boolean' } },
    { enabled: { type: 'boolean', required: true, default: true } },
    { client_certificate: kongOnly },
    { tls_verify_depth: kongOnly },
    { ca_certificates: kongOnly },
    { filter_chains: kongOnly },
  ],
  custom_validator: ({ protocol: scheme, tls_verify: isVerified }) =>
    isVerified !== null && scheme !== 'https' ? "tls_verify must be null unless 'protocol' is https" : null,
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
        elements: protocol,
        mutually_exclusive_subsets: [['http', 'https'], ['tcp', 'tls', 'udp'], ['tls_passthrough'], ['grpc', 'grpcs']],
      },
    },
    { methods: { type: 'set', elements: { type: 'string', match: '^%u+$' } } },
    { hosts: { type: 'array', elements: { type: 'string', custom_validator: routeHostProblem } } },
    { paths: { type: 'array', elements: { type: 'string', custom_validator: routePathProblem } } },
    { headers: { type: 'map', keys: headerName, values: { type: 'array', len_min: 1, elements: headerValue } } },
    {
      https_redirect_status_code: { type: 'integer', required: true, default: 426, one_of: [426, 301, 302, 307, 308] },
    },
    { regex_priority: { type: 'integer', default: 0 } },
    { strip_path: { type: 'boolean', required: true, default: true } },
    { preserve_host: { type: 'boolean', required: true, default: false } },
    { path_handling: { type: 'string', default: 'v0', one_of: ['v0', 'v1'], custom_validator: onlyV0 } },
    { request_buffering: { type: 'boolean', required: true, default: true } },
    { response_buffering: { type: 'boolean', required: true, default: true } },
    { snis: kongOnly },
    { sources: alwaysKongOnly },
    { destinations: alwaysKongOnly },
    { filter_chains: kongOnly },
  ],
  entity_checks: [{ at_least_one_of: ['methods', 'hosts', 'headers', 'paths', 'snis'] }],
};

function onlyV0(version: string): string | null {
  return version === 'v0' ? null : KONG_ONLY;
}

/** A consumer; its groups (`acls`) and keys (`keyauth_credentials`) are taken out before. */
export const CONSUMER: RecordField = {
  type: 'record',
  fields: [
    ...common,
    { username: { type: 'string' } },
    { custom_id: { type: 'string' } },
    { basicauth_credentials: kongOnly },
    { hmacauth_credentials: kongOnly },
    { jwt_secrets: kongOnly },
    { oauth2_credentials: kongOnly },
  ],
  entity_checks: [{ at_least_one_of: ['custom_id', 'username'] }],
};

/** A consumer's membership in a group; its consumer stands around it or is named before. */
export const ACL: RecordField = {
  type: 'record',
  fields: [...common, { group: { type: 'string', required: true } }],
};

/** A consumer's key; its consumer stands around it or is named before. Kong makes one up when there is none. */
export const KEY_CREDENTIAL: RecordField = {
  type: 'record',
  fields: [
    ...common,
    { key: { type: 'string', encrypted: true } },
    { ttl: { type: 'any', custom_validator: (seconds) => (seconds === 0 ? null : KONG_ONLY) } },
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
    {
      protocols: {
        type: 'set',
        required: true,
        default: ['grpc', 'grpcs', 'http', 'https'],
        elements: { type: 'string', one_of: PROTOCOLS },
      },
    },
  ],
};

/** What a file itself may have besides lists of entities. */
export const FILE: RecordField = {
  type: 'record',
  fields: [
    { _format_version: { type: 'string', required: true, one_of: ['1.1', '2.1', '3.0'] } },
    { _transform: { type: 'boolean', default: true } },
    { _comment: { type: 'string' } },
    { _ignore: { type: 'array', elements: { type: 'any' } } },
    ...[
      ...['upstreams', 'targets', 'certificates', 'ca_certificates', 'snis', 'vaults', 'key_sets'],
      ...['keys', 'filter_chains', 'workspaces', 'parameters', 'clustering_data_planes', 'basicauth_credentials'],
      ...['hmacauth_credentials', 'jwt_secrets', 'oauth2_credentials', 'oauth2_authorization_codes', 'oauth2_tokens'],
      ...['acme_storage', 'sessions'],
    ].map((kind) => ({ [kind]: kongOnly })),
  ],
};
