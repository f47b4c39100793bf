/** RFC 6750 §3.1 error codes. */
export type BearerError = 'invalid_request' | 'invalid_token' | 'insufficient_scope';

interface RefusalKind {
  /** HTTP status. */
  readonly status: number;
  /** RFC 6750 error in the challenge; `null`: a challenge without an error (401) or no challenge at all. */
  readonly error: BearerError | null;
  /** The sentence sent to the client. Printable ASCII without `"` and `\`, so that it fits `error_description`. */
  readonly detail: string;
}

/**
 * Every way to be refused. The codes are public and stable (docs/ERRORS.md). Everything that can go wrong before a
 * signature is verified and could help a guesser (issuer, algorithm, key, signature) is one code with one text.
 */
export const REFUSALS = {
  token_missing: { status: 401, error: null, detail: 'A bearer token is required.' },
  credentials_malformed: { status: 400, error: 'invalid_request', detail: 'The credentials are malformed.' },
  tokens_conflict: { status: 400, error: 'invalid_request', detail: 'The request carries more than one token.' },
  token_too_large: { status: 400, error: 'invalid_request', detail: 'The token is too large.' },
  headers_truncated: { status: 400, error: 'invalid_request', detail: 'The request has too many headers.' },
  connection_header_abuse: {
    status: 400,
    error: 'invalid_request',
    detail: 'The Connection header names a header that must not be removed.',
  },
  headers_forged: {
    status: 400,
    error: 'invalid_request',
    detail: 'The request has a header that only the gateway may set.',
  },
  token_malformed: { status: 401, error: 'invalid_token', detail: 'The token is malformed.' },
  token_untrusted: { status: 401, error: 'invalid_token', detail: 'The token is not trusted here.' },
  token_expired: { status: 401, error: 'invalid_token', detail: 'The token has expired.' },
  token_not_yet_valid: { status: 401, error: 'invalid_token', detail: 'The token is not valid yet.' },
  token_lifetime_too_long: { status: 401, error: 'invalid_token', detail: 'The token lives longer than allowed.' },
  token_type_not_accepted: { status: 401, error: 'invalid_token', detail: 'This kind of token is not accepted.' },
  audience_not_accepted: { status: 401, error: 'invalid_token', detail: 'The token is meant for another audience.' },
  claim_missing: { status: 401, error: 'invalid_token', detail: 'The token lacks a required claim.' },
  claim_invalid: { status: 401, error: 'invalid_token', detail: 'A claim of the token has an unusable value.' },
  token_revoked: { status: 401, error: 'invalid_token', detail: 'The token has been revoked.' },
  insufficient_scope: {
    status: 403,
    error: 'insufficient_scope',
    detail: 'The token does not have the scope that this request needs.',
  },
  forbidden: { status: 403, error: null, detail: 'The caller may not perform this request.' },
  consumer_unknown: { status: 403, error: null, detail: 'The caller is not a known consumer.' },
  cross_site_request: { status: 403, error: null, detail: 'The request may come from another site.' },
  not_from_gateway: { status: 403, error: null, detail: 'This service is called through its gateway.' },
  identity_malformed: { status: 400, error: null, detail: 'The identity headers are malformed.' },
  keys_unavailable: { status: 503, error: null, detail: 'The token cannot be verified at the moment.' },
  revocation_unavailable: { status: 503, error: null, detail: 'The token cannot be verified at the moment.' },
  configuration_error: { status: 500, error: null, detail: 'The gateway is not configured correctly.' },
  internal_error: { status: 500, error: null, detail: 'An unexpected error occurred.' },
} as const satisfies Record<string, RefusalKind>;

/** A stable, public refusal code. */
export type RefusalCode = keyof typeof REFUSALS;

/** What a response to a particular refusal says beyond its code. */
export interface RefusalHints {
  /** Scopes the request would need, for `insufficient_scope` (RFC 6750 §3). From the configuration, never from a token. */
  readonly scope?: readonly string[];
  /** Whole seconds, for `Retry-After` (RFC 9110 §10.2.3). */
  readonly retryAfterSeconds?: number;
  /**
   * What the configuration accepts instead: issuers, audiences, roles and the like. This and what follows is for logs and
   * `explain`, never for the answer, and none of it comes from the token.
   */
  readonly accepted?: readonly string[];
  /** Fixed words about the likely cause. */
  readonly hint?: string;
  /** The entry of `issuers` by whose rules the token was refused, as it is configured. */
  readonly issuer?: string;
  /** The key set's own `kid` of the key with which the token was looked at. */
  readonly kid?: string;
}

/** Why a request is not let through. An ordinary value: nothing throws it. Whose request it was, a decision says. */
export class Refusal {
  readonly outcome = 'refuse';

  /**
   * @param code - what the client is told
   * @param reason - what the log is told: fixed words, claim and header *names*; never a token or a claim's value
   */
  constructor(
    readonly code: RefusalCode,
    readonly reason: string,
    readonly hints: RefusalHints = {},
  ) {}

  /** HTTP status. */
  get status(): number {
    return REFUSALS[this.code].status;
  }
}
