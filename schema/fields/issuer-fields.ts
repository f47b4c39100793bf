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
        'Preset for a well-known provider: where its keys are, algorithms, and how its tokens are read (docs/providers). What this entry says itself takes precedence.',
    },
  },
  {
    issuer: {
      ...PLAIN_TEXT,
      len_max: 2048,
      description:
        "The `iss` claim of this issuer's tokens, compared character by character (RFC 7519 §4.1.1). Or a template with one placeholder for the tenant (`https://login.example.com/{tenant}/v2.0`). Only this entry's keys are tried for them. Several entries may name one issuer when their algorithms or key sets differ. Needed unless the preset names one.",
    },
  },
  ...TENANT_FIELDS,
  {
    audiences: {
      type: 'array',
      required: true,
      default: [],
      elements: PLAIN_TEXT,
      description:
        'Accepted audiences: one of them must be in the `aud` claim of the token (RFC 7519 §4.1.3). An empty list needs any_audience.',
    },
  },
  {
    any_audience: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Accept tokens whatever their `aud` claim says, or without one. UNSAFE when the issuer also issues tokens for other services: those would be accepted here too.',
    },
  },
  {
    algorithms: {
      type: 'array',
      required: true,
      default: [],
      elements: ALGORITHM,
      mutually_exclusive_subsets: [SECRET_ALGORITHMS, PUBLIC_KEY_ALGORITHMS],
      description:
        'Signature algorithms that are accepted (the `alg` header, RFC 7518 §3.1). An empty list accepts what fits the key: its type, curve, size, and its own `alg`. HS* and public-key algorithms cannot be combined.',
    },
  },
  {
    jwks_uri: {
      ...PLAIN_TEXT,
      len_max: 2048,
      description:
        'URL of the key set (RFC 7517 §5), https: unless it is on this machine or key_fetch.allow_http is set. One of jwks_uri, discovery, jwks, public_key and secret says where the keys are.',
    },
  },
  {
    discovery: {
      type: 'boolean',
      ne: false,
      err: 'must be true or left out',
      description:
        'Find the key set through the document that the issuer publishes below its URL (OpenID Connect Discovery 1.0 §4, RFC 8414). The document must name the same issuer.',
    },
  },
  {
    jwks: {
      type: 'string',
      referenceable: true,
      encrypted: true,
      description: 'The key set itself, as JSON text: {"keys": [...]} (RFC 7517 §5). May be a vault reference.',
    },
  },
  {
    public_key: {
      type: 'string',
      referenceable: true,
      description:
        'One public key as PEM: a public key (BEGIN PUBLIC KEY) or an X.509 certificate (BEGIN CERTIFICATE), of which only the key is used. May be a vault reference.',
    },
  },
  {
    secret: {
      type: 'string',
      referenceable: true,
      encrypted: true,
      description:
        'The secret that the issuer and this gateway share, for HS256, HS384 and HS512 only; at least as many bytes as the hash has: 32, 48, 64 (RFC 7518 §3.2). May be a vault reference.',
    },
  },
  {
    secret_is_base64: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'The secret is written in base64 or base64url; its decoded bytes are the key.',
    },
  },
  ...TOKEN_READING_FIELDS,
  {
    key_fetch: {
      type: 'record',
      required: true,
      fields: KEY_FETCH_FIELDS,
      description:
        'How keys are fetched, kept and renewed with jwks_uri and discovery; without meaning for jwks, public_key and secret.',
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
        'Seconds since 1970. Tokens of this issuer that were issued earlier (`iat`) are rejected as revoked; `iat` must then be there. For ending all tokens at once (docs/REVOCATION.md). 0: none.',
    },
  },
  {
    status_list: {
      type: 'record',
      required: false,
      fields: STATUS_LIST_FIELDS,
      description:
        'Look tokens up in the status lists that they refer to (`status.status_list`, Token Status List). The lists are signed with the keys of this issuer. If omitted: the claim `status` is ignored.',
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
