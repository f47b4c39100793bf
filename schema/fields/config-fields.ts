import { AUTHORIZE_ENTITY_CHECKS, AUTHORIZE_FIELDS } from './authorize-fields';
import { CLAIM, HEADER_NAME } from './field-patterns';
import { IDENTITY_TOKEN_FIELDS } from './identity-token-fields';
import { ISSUER_ENTITY_CHECKS, ISSUER_FIELDS } from './issuer-fields';
import { REVOCATION_LIST_ENTITY_CHECKS, REVOCATION_LIST_FIELDS } from './revocation-fields';
import { RESOURCE_METADATA_FIELDS } from './resource-metadata-fields';
import { TOKEN_TYPE } from './token-reading-fields';
import type { EntityChecks, Fields } from '../../src/kong/schema-language/field';

/** One header that tells the service something about the caller. */
const IDENTITY_HEADER_FIELDS = [
  {
    header: {
      ...HEADER_NAME,
      required: true,
      description:
        'Name of the header that the service receives. Unless it begins with X-User-, reserved_headers must cover it.',
    },
  },
  {
    claim: {
      ...CLAIM,
      required: true,
      description: 'Name of the claim, or a JSON Pointer to it when it starts with "/" (RFC 6901).',
    },
  },
  {
    required: {
      type: 'boolean',
      required: true,
      default: false,
      description: 'Refuse a token without this claim. Otherwise the service does not get the header.',
    },
  },
  {
    on_unsafe: {
      type: 'string',
      required: true,
      default: 'refuse',
      one_of: ['refuse', 'encode'],
      description:
        'Text outside printable ASCII is always percent-encoded as UTF-8. This says what happens to a comma inside a value and to control characters, which a service could still misread after decoding: refuse the request, or percent-encode them too.',
    },
  },
  {
    max_bytes: {
      type: 'integer',
      required: true,
      default: 4096,
      between: [1, 16_384],
      description:
        'Maximum length of the header in bytes. A request with a longer value is rejected; values are never cut.',
    },
  },
] as const satisfies Fields;

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
  {
    header_names: {
      type: 'array',
      required: true,
      default: ['authorization'],
      elements: HEADER_NAME,
      description:
        'Request headers that may carry the token: authorization after the word Bearer (RFC 6750 §2.1), any other header with or without that word. sec-websocket-protocol: among the subprotocols of a WebSocket handshake, after the word bearer ("bearer, <token>, chat") or as Kubernetes writes it; the service receives the others.',
    },
  },
  {
    cookie_names: {
      type: 'array',
      required: true,
      default: [],
      elements: {
        type: 'string',
        match: "^[%w!#$%%&'*+.^_`|~-]+$",
        err: 'must be a cookie name (RFC 6265 §4.1.1)',
      },
      description:
        'Cookies that may carry the token, written exactly as they are sent. The value may be in quotes and begin with Bearer; a token may be in parts (name.0, name.1 …, 20 at most). A browser sends cookies by itself, so protect such routes against cross-site requests.',
    },
  },
  {
    uri_param_names: {
      type: 'array',
      required: true,
      default: [],
      elements: {
        type: 'string',
        match: '^[%w._~-]+$',
        err: 'must hold only letters, digits, ".", "_", "~" and "-" (RFC 3986 §2.3)',
      },
      description:
        'Query parameters that may carry the token. Addresses end up in logs and histories, so leave this empty if you can (RFC 6750 §2.3).',
    },
  },
  {
    hide_credentials: {
      type: 'boolean',
      required: true,
      default: true,
      description: 'Remove the token from the request before it is forwarded, so that no service can use it elsewhere.',
    },
  },
  {
    max_token_bytes: {
      type: 'integer',
      required: true,
      default: 8192,
      between: [256, 65_536],
      description: 'Maximum length of a token in bytes. A longer one is rejected before it is parsed.',
    },
  },
  {
    leeway: {
      type: 'integer',
      required: true,
      default: 10,
      between: [0, 300],
      description: 'Seconds of allowed clock difference when `exp`, `nbf` and `iat` are checked (RFC 7519 §4.1.4).',
    },
  },
  {
    required_claims: {
      type: 'array',
      required: true,
      default: ['exp', 'sub'],
      elements: CLAIM,
      description:
        'Claims that every token must have: names, or JSON Pointers when they start with "/" (RFC 6901). Without exp in it, tokens that never expire are accepted.',
    },
  },
  {
    maximum_expiration: {
      type: 'integer',
      required: true,
      default: 0,
      between: [0, 31_536_000],
      description:
        'Maximum lifetime of a token in seconds, from `iat` to `exp`, which are then both required. 0: no limit.',
    },
  },
  {
    token_types: {
      type: 'array',
      required: true,
      default: [],
      elements: TOKEN_TYPE,
      description:
        'Accepted values of the `typ` header, such as at+jwt (RFC 9068 §4), in any letter case, with or without "application/". An empty list: none, or any that does not name another kind of token, as logout+jwt does.',
    },
  },
  {
    revocation_lists: {
      type: 'array',
      required: true,
      default: [],
      elements: {
        type: 'record',
        fields: REVOCATION_LIST_FIELDS,
        entity_checks: REVOCATION_LIST_ENTITY_CHECKS,
      },
      description:
        'Lists of revoked tokens, sessions, callers and clients (docs/REVOCATION.md). A token that one of them names is rejected with token_revoked, also when its verification is cached.',
    },
  },
  {
    identity_headers: {
      type: 'array',
      required: true,
      default: [
        { header: 'X-User-ID', claim: 'sub', required: true, on_unsafe: 'refuse', max_bytes: 4096 },
        { header: 'X-User-Roles', claim: 'roles', required: false, on_unsafe: 'refuse', max_bytes: 4096 },
      ],
      elements: { type: 'record', fields: IDENTITY_HEADER_FIELDS },
      description: 'Headers that tell the service who is calling, each filled from one claim of the verified token.',
    },
  },
  {
    identity_token: {
      type: 'record',
      // Kong 3.9.3, kong/db/schema/entity.lua: a record that does not say so is required.
      required: false,
      fields: IDENTITY_TOKEN_FIELDS,
      description:
        'Also send the identity headers signed, in a token of the gateway for this service alone (docs/ISOLATION.md). Needs signing keys: `kong-jwt-identity serve --signing-keys`. If omitted: no such token.',
    },
  },
  {
    reserved_headers: {
      type: 'array',
      required: true,
      default: [],
      elements: {
        type: 'string',
        match: '^[%w_-]+%*?$',
        len_max: 128,
        err: 'must be a header name of at most 128 letters, digits, "-" and "_", or the beginning of one and "*"',
      },
      description:
        'More headers that are never accepted from a client, by name or, with "*" at the end, by beginning; in any spelling that a server may take for the same name (X_User_ID, x-user-id). Always reserved: X-User-*, X-Consumer-*, X-Credential-Identifier, X-Anonymous-Consumer, X-Authenticated-*, X-Identity-Token.',
    },
  },
  {
    unreserved_headers: {
      type: 'array',
      required: true,
      default: [],
      elements: HEADER_NAME,
      description:
        'Exact names of headers that clients may send although a reserved beginning covers them, such as X-User-Agent (gRPC-Web). Other spellings of the name stay reserved. Headers that Kong or this plugin writes for services are refused here.',
    },
  },
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
  {
    authenticated_groups_claim: {
      ...CLAIM,
      description:
        "Claim whose values become the groups of the caller for Kong's acl plugin, without a consumer. If omitted: none.",
    },
  },
  {
    consumer_claim: {
      ...CLAIM,
      description:
        'Claim that names the Kong consumer of the caller, for plugins that work by consumer. The search costs one round trip to Kong. The service receives X-Consumer-ID, -Username and -Custom-ID. If omitted: no consumer.',
    },
  },
  {
    consumer_by: {
      type: 'string',
      required: true,
      default: 'username',
      one_of: ['id', 'username'],
      description:
        'Member of the Kong consumer that consumer_claim must equal. Kong lets no external plugin look for a custom_id.',
    },
  },
  {
    consumer_optional: {
      type: 'boolean',
      required: true,
      default: false,
      description:
        'Accept callers whose token names no known consumer, without a consumer. Otherwise they are rejected (consumer_unknown).',
    },
  },
  {
    credential_claim: {
      ...CLAIM,
      description:
        'Claim that becomes the id of the credential, for plugins such as rate-limiting by credential. If omitted: no credential is set.',
    },
  },
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
        'What becomes of a request whose only token is in a cookie and is empty, expired or otherwise not valid, where allow_missing lets requests without a token pass. anonymous: it passes like one without a token, the service does not get the cookie, and the answer removes it from the browser. A token in a header or in the query is never ignored.',
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
        "Seconds for which the handler inside Kong's worker may repeat the answer to a known token, and the refusal of requests without one, before it asks the plugin server again. A removed key, a revoked token or a changed rule goes on for so long at most. 0: it asks about every request. Without effect when Kong runs without the handler.",
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
