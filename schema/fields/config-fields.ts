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
      description: 'Issuers whose tokens are accepted, each with its own keys, audiences and algorithms.',
    },
  },
  {
    common_caller_ids: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Treat callers of several issuers with equal ids as one caller: for one provider under two names. UNSAFE otherwise: a caller with an id of another issuer gets its headers, consumer and rate limits. Without it, several issuers need caller_prefix.',
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
        'Which callers are accepted. The first rule whose methods match decides; if none matches, the answer is 403. Without it, every verified token is accepted.',
    },
  },
  {
    authorize_shadow: {
      type: 'array',
      len_min: 1,
      elements: { type: 'record', fields: AUTHORIZE_FIELDS, entity_checks: AUTHORIZE_ENTITY_CHECKS },
      description:
        'Rules that are evaluated but never enforced: what they would reject is logged and counted. For testing stricter rules.',
    },
  },
  {
    roles_claim: {
      ...CLAIM,
      required: true,
      default: 'roles',
      description: 'Claim that holds the roles: its name, or a JSON Pointer such as /realm_access/roles (RFC 6901).',
    },
  },
  {
    scopes_claim: {
      ...CLAIM,
      required: true,
      default: 'scope',
      description: 'Claim that holds the scopes, as a list or as text separated by spaces (RFC 8693 §4.2).',
    },
  },
  ...HAND_OVER_FIELDS,
  {
    allow_missing: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Let requests without any token pass as anonymous: without identity headers, and with every reserved header removed. A token that is present must still be valid. Cannot be combined with authorize.',
    },
  },
  {
    on_invalid_cookie: {
      type: 'string',
      required: true,
      default: 'refuse',
      one_of: ['refuse', 'anonymous'],
      description:
        'With allow_missing: how a request is treated whose only token is in a cookie and is not valid. anonymous: it passes like one without a token, without the cookie, and the answer removes the cookie from the browser. A token in a header or in the query is never ignored.',
    },
  },
  {
    allow_authenticated: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Let a request without any token pass when another authentication plugin of Kong, such as key-auth, has already authenticated it ("logical OR"). A token that is present must still be valid. Cannot be combined with authorize.',
    },
  },
  {
    run_on_preflight: {
      type: 'boolean',
      required: true,
      default: true,
      description:
        'Ask for a token on CORS preflight requests (OPTIONS with Origin and Access-Control-Request-Method) too. false: they pass as anonymous, unless they have a body.',
    },
  },
  {
    worker_cache_ttl: {
      type: 'integer',
      required: true,
      default: 5,
      between: [0, 10],
      description:
        "Seconds for which the handler inside Kong's worker may repeat the answer to a known token, and the refusal of requests without one. A removed key or a revoked token takes effect that much later. 0: the handler asks about each request. No effect without the handler.",
    },
  },
  {
    log_decisions: {
      type: 'string',
      required: true,
      default: 'refused',
      one_of: ['none', 'refused', 'all'],
      description:
        "Which decisions Kong's log plugins show, as jwt_identity: code, reason, issuer and kid. refused: the refusals, and what authorize_shadow would have refused. all costs one more message to Kong for each request.",
    },
  },
  {
    log_user_claim: {
      ...CLAIM,
      description:
        'Claim whose text is shown as user beside a decision that is logged, when the token was verified. It is personal data. If omitted: none.',
    },
  },
  {
    realm: {
      type: 'string',
      match: '^[ -~]+$',
      len_max: 128,
      err: 'must be at most 128 printable ASCII characters',
      description: 'The realm in the WWW-Authenticate header of refusals (RFC 9110 §11.5). If omitted: "service".',
    },
  },
  {
    resource_metadata: {
      type: 'record',
      // Kong 3.9.3, kong/db/schema/entity.lua: a record that does not say so is required.
      required: false,
      fields: RESOURCE_METADATA_FIELDS,
      description:
        'Tell clients how to get a token (RFC 9728): the plugin answers requests for /.well-known/oauth-protected-resource and the path of the resource on its route, and every challenge names that URL. Made of issuers, authorize and the places of the token. If omitted: no metadata.',
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
