import { AUTHORIZE_ENTITY_CHECKS, AUTHORIZE_FIELDS } from './authorize-fields';
import { CREDENTIAL_FIELDS } from './credential-fields';
import { CLAIM } from './field-patterns';
import { HAND_OVER_FIELDS } from './hand-over-fields';
import { IDENTITY_FIELDS } from './identity-fields';
import { ISSUER_ENTITY_CHECKS, ISSUER_FIELDS } from './issuer-fields';
import { RESOURCE_METADATA_FIELDS } from './resource-metadata-fields';
import { VERIFICATION_FIELDS } from './verification-fields';
import type { EntityChecks, Fields } from '../../src/kong/schema-language/field';

/**
 * Every field of the plugin's `config`, in Kong's own form: this very array is what Kong loads. A field that has a
 * default is also `required`, so that Kong refuses an explicit `null`.
 */
export const CONFIG_FIELDS = [
  {
    issuers: {
      type: 'array',
      required: true,
      len_min: 1,
      elements: { type: 'record', fields: ISSUER_FIELDS, entity_checks: ISSUER_ENTITY_CHECKS },
      description: 'Accepted issuers, each with its own keys, audiences and algorithms.',
    },
  },
  {
    common_caller_ids: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Equal ids of several issuers are one caller. UNSAFE unless they are one provider under several names. Otherwise several issuers need caller_prefix.',
    },
  },
  ...CREDENTIAL_FIELDS,
  ...VERIFICATION_FIELDS,
  ...IDENTITY_FIELDS,
  {
    authorize: {
      type: 'array',
      len_min: 1,
      elements: { type: 'record', fields: AUTHORIZE_FIELDS, entity_checks: AUTHORIZE_ENTITY_CHECKS },
      description:
        'The first rule whose methods match decides; if none does, 403. Omitted: every verified token is accepted.',
    },
  },
  {
    authorize_shadow: {
      type: 'array',
      len_min: 1,
      elements: { type: 'record', fields: AUTHORIZE_FIELDS, entity_checks: AUTHORIZE_ENTITY_CHECKS },
      description: 'Rules that are logged and counted, but never enforced.',
    },
  },
  {
    roles_claim: {
      ...CLAIM,
      required: true,
      default: 'roles',
      description: 'Claim that holds the roles.',
    },
  },
  {
    scopes_claim: {
      ...CLAIM,
      required: true,
      default: 'scope',
      description: 'Claim that holds the scopes: a list, or text separated by spaces.',
    },
  },
  ...HAND_OVER_FIELDS,
  {
    allow_missing: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Forward requests without a token as anonymous. Invalid tokens are still rejected. Not with authorize.',
    },
  },
  {
    on_invalid_cookie: {
      type: 'string',
      required: true,
      default: 'refuse',
      one_of: ['refuse', 'anonymous'],
      description:
        'With allow_missing, for an invalid token that is only in a cookie. anonymous: forward without the cookie, and remove it from the browser.',
    },
  },
  {
    allow_authenticated: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Forward requests without a token that another plugin, such as key-auth, authenticated. Invalid tokens are still rejected. Not with authorize.',
    },
  },
  {
    run_on_preflight: {
      type: 'boolean',
      required: true,
      default: true,
      description: 'Require a token on CORS preflights. false: those without a body pass as anonymous.',
    },
  },
  {
    worker_cache_ttl: {
      type: 'integer',
      required: true,
      default: 5,
      between: [0, 10],
      description:
        "Seconds for which the handler in Kong's worker repeats answers; removed keys and revoked tokens are accepted as long. 0: never.",
    },
  },
  {
    log_decisions: {
      type: 'string',
      required: true,
      default: 'refused',
      one_of: ['none', 'refused', 'all'],
      description:
        "Decisions that Kong's log plugins show. refused: also by authorize_shadow. all: costs a message to Kong for each request.",
    },
  },
  {
    log_user_claim: {
      ...CLAIM,
      description: 'Claim that is logged as user: personal data.',
    },
  },
  {
    realm: {
      type: 'string',
      match: '^[ -~]+$',
      len_max: 128,
      err: 'must be at most 128 printable ASCII characters',
      description: 'Realm in WWW-Authenticate. Omitted: "service".',
    },
  },
  {
    resource_metadata: {
      type: 'record',
      // Kong 3.9.3, kong/db/schema/entity.lua: a record that does not say so is required.
      required: false,
      fields: RESOURCE_METADATA_FIELDS,
      description: 'Tell clients where to get a token (RFC 9728, docs/RESOURCE-METADATA.md).',
    },
  },
] as const satisfies Fields;

/** What Kong can check across the fields of `config`. The stock plugin server cannot hand these to Kong; the parser checks them too. */
export const CONFIG_ENTITY_CHECKS = [
  { at_least_one_of: ['header_names', 'cookie_names', 'uri_param_names'] },
  {
    conditional: {
      if_field: 'allow_missing',
      if_match: { eq: true },
      then_field: 'authorize',
      then_match: { len_max: 0 },
      then_err: 'allow_missing and authorize contradict each other: without a token there is nobody to authorize',
    },
  },
  {
    conditional: {
      if_field: 'on_invalid_cookie',
      if_match: { one_of: ['anonymous'] },
      then_field: 'allow_missing',
      then_match: { eq: true },
      then_err: 'on_invalid_cookie: anonymous needs allow_missing, which lets requests without a token pass',
    },
  },
  {
    conditional: {
      if_field: 'allow_authenticated',
      if_match: { eq: true },
      then_field: 'authorize',
      then_match: { len_max: 0 },
      then_err:
        'allow_authenticated and authorize contradict each other: without a token there are no claims to judge by',
    },
  },
] as const satisfies EntityChecks;
