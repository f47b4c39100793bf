import { ALGORITHMS, PUBLIC_KEY_ALGORITHMS, SECRET_ALGORITHMS } from '../algorithms';
import { PLAIN_TEXT } from './field-patterns';
import { KEY_FETCH_FIELDS } from './key-fetch-fields';
import { STATUS_LIST_FIELDS } from './status-list-fields';
import { TENANT_FIELDS } from './tenant-fields';
import { TOKEN_READING_FIELDS } from './token-reading-fields';
import { PROVIDERS } from '../presets/providers';
import type { EntityChecks, Fields } from '../../src/kong/schema-language/field';

const ALGORITHM = { type: 'string', one_of: ALGORITHMS } as const;

/** One issuer whose tokens are believed, and what makes a token of its own. */
export const ISSUER_FIELDS = [
  {
    provider: {
      type: 'string',
      one_of: PROVIDERS,
      description:
        'Preset: keys, algorithms and claims of a provider (docs/providers). Members of this entry take precedence.',
    },
  },
  {
    issuer: {
      ...PLAIN_TEXT,
      len_max: 2048,
      description:
        'The `iss`, character by character, or a template with one placeholder for the tenant (docs/providers).',
    },
  },
  ...TENANT_FIELDS,
  {
    audiences: {
      type: 'array',
      required: true,
      default: [],
      elements: PLAIN_TEXT,
      description: '`aud` must hold one of these.',
    },
  },
  {
    any_audience: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Accept any `aud` or none. UNSAFE if the issuer also serves other APIs.',
    },
  },
  {
    algorithms: {
      type: 'array',
      required: true,
      default: [],
      elements: ALGORITHM,
      mutually_exclusive_subsets: [SECRET_ALGORITHMS, PUBLIC_KEY_ALGORITHMS],
      description: 'Accepted values of `alg`. Empty: what fits the key. HS* cannot be combined with others.',
    },
  },
  {
    jwks_uri: {
      ...PLAIN_TEXT,
      len_max: 2048,
      description: 'URL of the key set, https: unless on this machine or with key_fetch.allow_http.',
    },
  },
  {
    discovery: {
      type: 'boolean',
      ne: false,
      err: 'must be true or left out',
      description: "Find the key set through the issuer's discovery document (OpenID Connect, RFC 8414).",
    },
  },
  {
    jwks: {
      type: 'string',
      referenceable: true,
      encrypted: true,
      description: 'The key set as JSON text: {"keys": [...]}.',
    },
  },
  {
    public_key: {
      type: 'string',
      referenceable: true,
      description: 'A public key in PEM, or a certificate, of which only the key counts.',
    },
  },
  {
    secret: {
      type: 'string',
      referenceable: true,
      encrypted: true,
      description: 'Secret shared with the issuer, for HS256, HS384, HS512: at least 32, 48, 64 bytes.',
    },
  },
  {
    secret_is_base64: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'The secret is base64 or base64url; its decoded bytes are the key.',
    },
  },
  ...TOKEN_READING_FIELDS,
  {
    key_fetch: {
      type: 'record',
      required: true,
      fields: KEY_FETCH_FIELDS,
      description: 'How keys are fetched and kept with jwks_uri and discovery.',
    },
  },
  {
    revoke_issued_before: {
      type: 'integer',
      required: true,
      default: 0,
      // A later time would be in milliseconds.
      between: [0, 4_102_444_800],
      description:
        'Unix time in seconds. Tokens with an earlier `iat` or none are rejected (docs/REVOCATION.md). 0: off.',
    },
  },
  {
    status_list: {
      type: 'record',
      required: false,
      fields: STATUS_LIST_FIELDS,
      description: 'Look tokens up in Token Status Lists of this issuer. Omitted: the claim `status` is ignored.',
    },
  },
] as const satisfies Fields;

const onlySecretAlgorithms = { elements: { type: 'string', one_of: SECRET_ALGORITHMS } } as const;
const onlyPublicKeyAlgorithms = { elements: { type: 'string', one_of: PUBLIC_KEY_ALGORITHMS } } as const;

/** What Kong can check across an issuer's fields; {@link parseConfig} checks it again, after vault references are resolved. */
export const ISSUER_ENTITY_CHECKS = [
  { at_least_one_of: ['issuer', 'provider'] },
  { at_least_one_of: ['jwks_uri', 'discovery', 'jwks', 'public_key', 'secret', 'provider'] },
  { mutually_exclusive: ['jwks_uri', 'discovery', 'jwks', 'public_key', 'secret'] },
  {
    conditional: {
      if_field: 'any_audience',
      if_match: { eq: false },
      then_field: 'audiences',
      then_match: { len_min: 1 },
      then_err: 'an issuer needs audiences, unless any_audience is true',
    },
  },
  {
    conditional: {
      if_field: 'any_audience',
      if_match: { eq: true },
      then_field: 'audiences',
      then_match: { len_max: 0 },
      then_err: 'any_audience and a list of audiences contradict each other',
    },
  },
  ...(['jwks_uri', 'discovery', 'public_key'] as const).map((source) => ({
    conditional: {
      if_field: source,
      if_match: { required: true },
      then_field: 'algorithms',
      then_match: onlyPublicKeyAlgorithms,
      then_err: `${source} goes with public-key algorithms only`,
    },
  })),
  {
    conditional: {
      if_field: 'secret',
      if_match: { required: true },
      then_field: 'algorithms',
      then_match: onlySecretAlgorithms,
      then_err: 'a secret goes with HS256, HS384 and HS512 only',
    },
  },
  {
    conditional: {
      if_field: 'secret_is_base64',
      if_match: { eq: true },
      then_field: 'secret',
      then_match: { required: true },
      then_err: 'secret_is_base64 needs a secret',
    },
  },
] as const satisfies EntityChecks;
