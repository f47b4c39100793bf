import type { RefusalCode } from '../../src/core/refusal/refusal';
import { publicJwk, segment, signingKey, signToken, type SigningKey } from './tokens';

const ISSUER = 'https://auth.example.com/';

/** A header line as a client sends it. */
export type HeaderLine = readonly [name: string, value: string];

/** Makes what a case's headers need. */
export interface Mint {
  /** A token of the issuer, good unless its claims or header say otherwise. */
  readonly token: (
    claims?: Readonly<Record<string, unknown>>,
    header?: Readonly<Record<string, unknown>>,
  ) => Promise<string>;
  /** The same, signed with a key that is none of the issuer's, under its kid. */
  readonly forgery: (claims?: Readonly<Record<string, unknown>>) => Promise<string>;
  /** Now, in seconds. */
  readonly now: number;
}

/** One request to one configuration, and the answer that every implementation gives. */
export interface ConformanceCase {
  readonly name: string;
  /** Beside the issuer. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Members of the issuer's entry that are added or replaced. */
  readonly issuer?: Readonly<Record<string, unknown>>;
  readonly method?: string;
  readonly query?: string;
  readonly headers: (mint: Mint) => Promise<readonly HeaderLine[]> | readonly HeaderLine[];
  /** A refusal's code and challenge, or all that the service sees of {@link WATCHED} and the query. */
  readonly expected:
    | { readonly code: RefusalCode; readonly status: number; readonly challenge?: RegExp }
    | {
        readonly service: Readonly<Record<string, string>>;
        readonly query?: string;
        /** What the client is told in `Set-Cookie`; nothing unless given. */
        readonly setCookies?: readonly string[];
      };
}

/**
 * Headers of a request that a case is about: identity in any spelling, credentials, other spellings of what gateways say
 * about a connection, and one that is nobody's business.
 */
export const WATCHED =
  /^(x.user.*|x-tenant|authorization|x-token|sec-websocket-protocol|x-consumer-id|x.anonymous.consumer|x_forwarded.*|x-forwarded_.*|x-real_ip|x-other)$/i;

const bearer = (token: string): HeaderLine => ['Authorization', `Bearer ${token}`];
const good =
  (...others: readonly HeaderLine[]): ConformanceCase['headers'] =>
  async ({ token }) => [bearer(await token()), ...others];
const withClaims =
  (claims: Readonly<Record<string, unknown>>): ConformanceCase['headers'] =>
  async ({ token }) => [bearer(await token(claims))];
const IDENTITY = { 'x-user-id': 'u1', 'x-user-roles': 'admin,user' };
const ANONYMOUS = { 'x-anonymous-consumer': 'true' };
const INVALID = /error="invalid_token"/;
/** An issuer of many tenants with one key set. */
const TEMPLATE = { issuer: 'https://login.example.com/{tenantid}/v2.0', any_tenant: true, tenant_claim: 'tid' };

/** Fields of a configuration by which other parts of Kong decide: whoever is not Kong refuses them at the start. */
export const NEEDS_KONG: readonly Readonly<Record<string, unknown>>[] = [
  { consumer_claim: 'sub' },
  { authenticated_groups_claim: 'roles' },
  { allow_authenticated: true },
];

/**
 * Requests × configuration → decision. Run against core, the plugin, the BFF's gatekeeper, and the plugin behind a
 * gateway.
 */
export const CONFORMANCE: readonly ConformanceCase[] = [
  { name: 'a good token', headers: good(['X-Other', 'x']), expected: { service: { ...IDENTITY, 'x-other': 'x' } } },
  {
    name: 'no token',
    headers: () => [],
    expected: { code: 'token_missing', status: 401, challenge: /^Bearer realm="service"$/ },
  },
  {
    name: 'no token where clients are told how to get one',
    config: { resource_metadata: { resource: 'https://api.test/orders' } },
    headers: () => [],
    expected: {
      code: 'token_missing',
      status: 401,
      challenge:
        /^Bearer realm="service", resource_metadata="https:\/\/api\.test\/\.well-known\/oauth-protected-resource\/orders"$/,
    },
  },
  {
    name: 'a good token where clients are told how to get one',
    config: { resource_metadata: { resource: 'https://api.test/orders' } },
    headers: good(),
    expected: { service: IDENTITY },
  },
  {
    name: 'another scheme',
    headers: () => [['Authorization', 'Basic dTpw']],
    expected: { code: 'token_missing', status: 401 },
  },
  {
    name: 'two tokens in two lines',
    // nginx itself refuses two Authorization lines.
    config: { header_names: ['X-Token'] },
    headers: async ({ token }) => [
      ['X-Token', await token()],
      ['X-Token', await token()],
    ],
    expected: { code: 'credentials_malformed', status: 400, challenge: /error="invalid_request"/ },
  },
  {
    name: 'no token after the scheme',
    headers: () => [['Authorization', 'Bearer']],
    expected: { code: 'credentials_malformed', status: 400 },
  },
  {
    name: 'something that is no JWT',
    headers: () => [bearer('x.y.z')],
    expected: { code: 'token_malformed', status: 401, challenge: INVALID },
  },
  {
    name: 'a token of a stranger',
    headers: async ({ forgery }) => [bearer(await forgery())],
    expected: { code: 'token_untrusted', status: 401, challenge: INVALID },
  },
  {
    name: 'a token of another issuer',
    headers: withClaims({ iss: `${ISSUER}.evil.test` }),
    expected: { code: 'token_untrusted', status: 401 },
  },
  {
    name: 'alg none',
    headers: ({ now }) => [
      bearer(
        `${segment({ alg: 'none' })}.${segment({ iss: ISSUER, sub: 'u1', aud: 'orders', exp: now + 60 })}.${segment('x')}`,
      ),
    ],
    expected: { code: 'token_untrusted', status: 401 },
  },
  {
    name: 'an expired token',
    headers: ({ token, now }) => token({ exp: now - 11 }).then((jwt) => [bearer(jwt)]),
    expected: { code: 'token_expired', status: 401, challenge: /The token has expired\./ },
  },
  {
    name: 'a token of tomorrow',
    headers: ({ token, now }) => token({ nbf: now + 86_400 }).then((jwt) => [bearer(jwt)]),
    expected: { code: 'token_not_yet_valid', status: 401 },
  },
  {
    name: 'a token for others',
    headers: withClaims({ aud: 'billing' }),
    expected: { code: 'audience_not_accepted', status: 401 },
  },
  {
    name: 'a logout token',
    headers: async ({ token }) => [bearer(await token({}, { typ: 'logout+jwt' }))],
    expected: { code: 'token_type_not_accepted', status: 401 },
  },
  {
    name: 'a token of the gateway’s own',
    headers: async ({ token }) => [bearer(await token({}, { typ: 'gateway-identity+jwt' }))],
    expected: { code: 'token_type_not_accepted', status: 401 },
  },
  { name: 'no subject', headers: withClaims({ sub: undefined }), expected: { code: 'claim_missing', status: 401 } },
  {
    name: 'a role with a comma',
    headers: withClaims({ roles: ['a,b'] }),
    expected: { code: 'claim_invalid', status: 401 },
  },
  {
    name: 'a name outside ASCII',
    config: { identity_headers: [{ header: 'X-User-Name', claim: 'name' }] },
    headers: withClaims({ name: 'Zoë' }),
    expected: { service: { 'x-user-name': 'Zo%C3%AB' } },
  },
  {
    name: 'a list of roles with empty items',
    headers: withClaims({ roles: ['', 'user', null] }),
    expected: { service: { 'x-user-id': 'u1', 'x-user-roles': 'user' } },
  },
  {
    name: 'a group with an LDAP name',
    config: { identity_headers: [{ header: 'X-User-Groups', claim: 'groups' }] },
    headers: withClaims({ groups: ['CN=admins,OU=groups,DC=example'] }),
    expected: { service: { 'x-user-groups': 'CN=admins%2COU=groups%2CDC=example' } },
  },
  {
    name: 'a caller, roles and scopes as the issuer’s entry reads them',
    issuer: {
      caller_claims: ['oid', 'client_id'],
      caller_prefix: 'idp:',
      roles_claims: ['urn:zitadel:iam:org:project:roles', 'groups'],
      roles_separator: 'comma',
      scopes_claims: ['scp', 'permissions'],
      required_claims: ['exp'],
    },
    config: { authorize: [{ roles: ['admin'], scopes: ['orders:read', 'orders:write'] }] },
    headers: withClaims({
      sub: undefined,
      client_id: 'app',
      'urn:zitadel:iam:org:project:roles': { admin: { '1': 'a.test' } },
      groups: 'staff, admin',
      scp: 'orders:read',
      permissions: ['orders:write'],
    }),
    expected: { service: { 'x-user-id': 'idp:app', 'x-user-roles': 'admin,staff' } },
  },
  {
    name: 'a token without any claim for the caller',
    issuer: { caller_claims: ['oid', 'client_id'] },
    config: { identity_headers: [] },
    headers: good(),
    expected: { code: 'claim_missing', status: 401 },
  },
  {
    name: 'the token of another client where no token is needed',
    issuer: { audience_claim: 'client_id', audiences: ['app1'] },
    config: { allow_missing: true },
    headers: withClaims({ aud: undefined, client_id: 'app2' }),
    expected: { code: 'audience_not_accepted', status: 401 },
  },
  {
    name: 'a token that does not meet the issuer’s condition, where no token is needed',
    issuer: { conditions: [{ claim: 'token_use', one_of: ['access'] }] },
    config: { allow_missing: true },
    headers: withClaims({ token_use: 'id' }),
    expected: { code: 'claim_invalid', status: 401, challenge: INVALID },
  },
  {
    name: 'a token of a tenant of the issuer',
    issuer: { ...TEMPLATE, caller_prefix: '{tenantid}/' },
    headers: withClaims({ iss: 'https://login.example.com/acme/v2.0', tid: 'acme' }),
    expected: { service: { 'x-user-id': 'acme/u1', 'x-user-roles': 'admin,user' } },
  },
  {
    name: 'a token whose iss and claim name two tenants',
    issuer: TEMPLATE,
    headers: withClaims({ iss: 'https://login.example.com/acme/v2.0', tid: 'globex' }),
    expected: { code: 'claim_invalid', status: 401 },
  },
  {
    name: 'a token of a tenant that is not listed',
    issuer: { ...TEMPLATE, any_tenant: false, tenants: ['globex'] },
    headers: withClaims({ iss: 'https://login.example.com/acme/v2.0', tid: 'acme' }),
    expected: { code: 'token_untrusted', status: 401 },
  },
  {
    name: 'forged identity headers in every spelling',
    headers: good(['X-User-ID', 'evil'], ['X_User_ID', 'evil'], ['x-user-roles', 'root'], ['X-Consumer-ID', 'evil']),
    expected: { service: IDENTITY },
  },
  {
    name: 'forged identity headers and no token where none is needed',
    config: { allow_missing: true },
    headers: () => [
      ['X-User-ID', 'evil'],
      ['X_User_ID', 'evil'],
      ['X-Other', 'x'],
    ],
    expected: { service: { ...ANONYMOUS, 'x-other': 'x' } },
  },
  {
    name: 'a verified caller who says to be anonymous',
    config: { allow_missing: true },
    headers: good(['X-Anonymous-Consumer', 'true'], ['X_Anonymous_Consumer', 'true']),
    expected: { service: IDENTITY },
  },
  {
    name: 'other spellings of headers that say where a request comes from',
    headers: good(['X_Forwarded_For', '10.0.0.1'], ['X-Forwarded_Host', 'evil.test'], ['X-Real_IP', '10.0.0.1']),
    expected: { service: IDENTITY },
  },
  {
    name: 'a broken token where none is needed',
    config: { allow_missing: true },
    headers: () => [bearer('x')],
    expected: { code: 'token_malformed', status: 401 },
  },
  {
    name: 'a Connection header that names an identity header',
    headers: good(['Connection', 'close, X-User-Roles']),
    expected: { code: 'connection_header_abuse', status: 400 },
  },
  {
    name: 'a role that is needed and there',
    config: { authorize: [{ methods: ['POST'], roles: ['admin'] }] },
    method: 'POST',
    headers: good(),
    expected: { service: IDENTITY },
  },
  {
    name: 'a role that is needed and not there',
    config: { authorize: [{ roles: ['root'] }] },
    headers: good(),
    expected: { code: 'forbidden', status: 403 },
  },
  {
    name: 'a method that no rule covers',
    config: { authorize: [{ methods: ['GET'], any_identity: true }] },
    method: 'DELETE',
    headers: good(),
    expected: { code: 'forbidden', status: 403 },
  },
  {
    name: 'a scope that is a part of another',
    config: { authorize: [{ scopes: ['read'] }], realm: 'shop' },
    headers: withClaims({ scope: 'readall' }),
    expected: { code: 'insufficient_scope', status: 403, challenge: /^Bearer realm="shop".*scope="read"$/ },
  },
  {
    name: 'a claim that is not one of those allowed',
    config: { authorize: [{ claims: [{ claim: 'tenant', one_of: ['acme'] }] }] },
    headers: withClaims({ tenant: 'evil' }),
    expected: { code: 'forbidden', status: 403 },
  },
  {
    name: 'a preflight that may pass',
    config: { run_on_preflight: false },
    method: 'OPTIONS',
    headers: () => [
      ['Origin', 'https://app.test'],
      ['Access-Control-Request-Method', 'PUT'],
      ['X-User-ID', 'evil'],
    ],
    expected: { service: ANONYMOUS },
  },
  {
    name: 'the token in a header of its own',
    config: { header_names: ['X-Token'] },
    headers: async ({ token }) => [['X-Token', await token()]],
    expected: { service: IDENTITY },
  },
  {
    name: 'a token that may go on to the service',
    config: { hide_credentials: false, header_names: ['X-Token'] },
    headers: async ({ token }) => [['X-Token', await token({ exp: 4_000_000_000 })]],
    expected: { service: { ...IDENTITY, 'x-token': 'TOKEN' } },
  },
  {
    name: 'a cookie with a token',
    config: { cookie_names: ['session'] },
    headers: async ({ token }) => [['Cookie', `a=1; session=${await token()}; b=2`]],
    expected: { service: IDENTITY },
  },
  {
    name: 'a cookie with blanks around its name and its token',
    config: { cookie_names: ['session'] },
    headers: async ({ token }) => [['Cookie', `a=1; session = ${await token()} ;b=2`]],
    expected: { service: IDENTITY },
  },
  {
    name: 'two cookies with different tokens, one with a blank after its name',
    config: { cookie_names: ['session'] },
    headers: async ({ token }) => [['Cookie', `session=${await token()}; session =${await token({ sub: 'u2' })}`]],
    expected: { code: 'tokens_conflict', status: 400 },
  },
  {
    name: 'a cookie whose name only begins like that of the token',
    config: { cookie_names: ['session'] },
    headers: async ({ token }) => [['Cookie', `session2=${await token()}; xsession=${await token()}`]],
    expected: { code: 'token_missing', status: 401 },
  },
  {
    name: 'a cookie in quotes and with the word Bearer',
    config: { cookie_names: ['session'] },
    headers: async ({ token }) => [['Cookie', `a=1; session="Bearer ${await token()}"`]],
    expected: { service: IDENTITY },
  },
  {
    name: 'a cookie with an encoded blank after the word Bearer',
    config: { cookie_names: ['session'] },
    headers: async ({ token }) => [['Cookie', `session=Bearer%20${await token()}`]],
    expected: { service: IDENTITY },
  },
  {
    name: 'a token in the parts of a cookie',
    config: { cookie_names: ['session'] },
    headers: ({ token }) =>
      token().then((jwt) => [['Cookie', `session.1=${jwt.slice(90)}; session.0=${jwt.slice(0, 90)}`]]),
    expected: { service: IDENTITY },
  },
  {
    name: 'a token of which a part is missing',
    config: { cookie_names: ['session'], allow_missing: true },
    headers: ({ token }) => token().then((jwt) => [['Cookie', `session.1=${jwt.slice(90)}`]]),
    expected: { code: 'credentials_malformed', status: 400 },
  },
  {
    name: 'parts of a cookie and a header that disagree',
    config: { cookie_names: ['session'] },
    headers: async ({ token }) => [bearer(await token()), ['Cookie', `session.0=${await token({ sub: 'u2' })}`]],
    expected: { code: 'tokens_conflict', status: 400 },
  },
  {
    name: 'a token among the subprotocols of a WebSocket',
    config: { header_names: ['authorization', 'sec-websocket-protocol'] },
    headers: async ({ token }) => [['Sec-WebSocket-Protocol', `bearer, ${await token()}, chat`]],
    expected: { service: { ...IDENTITY, 'sec-websocket-protocol': 'chat' } },
  },
  {
    name: 'a token among the subprotocols as Kubernetes writes it',
    config: { header_names: ['sec-websocket-protocol'] },
    headers: async ({ token }) => [
      [
        'Sec-WebSocket-Protocol',
        `base64url.bearer.authorization.k8s.io.${Buffer.from(await token()).toString('base64url')}, channel.k8s.io`,
      ],
    ],
    expected: { service: { ...IDENTITY, 'sec-websocket-protocol': 'channel.k8s.io' } },
  },
  {
    name: 'a subprotocol and a header that disagree',
    config: { header_names: ['authorization', 'sec-websocket-protocol'] },
    headers: async ({ token }) => [
      bearer(await token()),
      ['Sec-WebSocket-Protocol', `bearer, ${await token({ sub: 'u2' })}`],
    ],
    expected: { code: 'tokens_conflict', status: 400 },
  },
  {
    name: 'subprotocols where no token is looked for',
    headers: good(['Sec-WebSocket-Protocol', 'bearer, abc']),
    expected: { service: { ...IDENTITY, 'sec-websocket-protocol': 'bearer, abc' } },
  },
  {
    name: 'an old cookie where none is needed',
    config: { cookie_names: ['session'], allow_missing: true },
    headers: async ({ token, now }) => [['Cookie', `session=${await token({ exp: now - 11 })}`]],
    expected: { code: 'token_expired', status: 401 },
  },
  {
    name: 'an old cookie where it counts as none',
    config: { cookie_names: ['session'], allow_missing: true, on_invalid_cookie: 'anonymous' },
    headers: async ({ token, now }) => [
      ['Cookie', `session=${await token({ exp: now - 11 })}`],
      ['X-User-ID', 'evil'],
    ],
    expected: { service: ANONYMOUS, setCookies: ['session=; Path=/; Max-Age=0'] },
  },
  {
    name: 'an old header where an old cookie counts as none',
    config: { cookie_names: ['session'], allow_missing: true, on_invalid_cookie: 'anonymous' },
    headers: async ({ token, now }) => [bearer(await token({ exp: now - 11 })), ['Cookie', 'session=']],
    expected: { code: 'credentials_malformed', status: 400 },
  },
  {
    name: 'cookie and header that disagree',
    config: { cookie_names: ['session'] },
    headers: async ({ token }) => [bearer(await token()), ['Cookie', `session=${await token({ sub: 'u2' })}`]],
    expected: { code: 'tokens_conflict', status: 400 },
  },
  {
    name: 'the token in the query',
    config: { uri_param_names: ['access_token'] },
    query: 'a=1&access_token=TOKEN&b=%20',
    headers: () => [],
    expected: { service: IDENTITY, query: 'a=1&b=%20' },
  },
  {
    name: 'a token that is too large',
    config: { max_token_bytes: 256 },
    headers: withClaims({ sub: 'u'.repeat(300) }),
    expected: { code: 'token_too_large', status: 400 },
  },
];

/** A case with its configuration and headers complete. */
export interface PreparedCase extends Omit<ConformanceCase, 'config' | 'issuer' | 'headers' | 'method'> {
  readonly config: Readonly<Record<string, unknown>>;
  readonly method: string;
  readonly lines: readonly HeaderLine[];
}

/** Makes keys and tokens for a case: every run has its own. */
export async function prepare(
  { config = {}, issuer = {}, headers, method = 'GET', query, ...rest }: ConformanceCase,
  key: SigningKey = signingKey('ES256', 'k1'),
): Promise<PreparedCase> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: ISSUER, sub: 'u1', aud: 'orders', exp: now + 600, roles: ['admin', 'user'] };
  const token: Mint['token'] = (changes, header) => signToken(key, { ...claims, ...changes }, header);
  const stranger = signingKey('ES256', 'k1');
  const forgery: Mint['forgery'] = (changes) => signToken(stranger, { ...claims, ...changes });
  const jwks = JSON.stringify({ keys: [publicJwk(key)] });
  const issuers = [{ issuer: ISSUER, audiences: ['orders'], jwks, ...issuer }];
  return {
    ...rest,
    method,
    config: { issuers, ...config },
    lines: await headers({ token, forgery, now }),
    ...(query !== undefined && { query: query.replace('TOKEN', await token()) }),
  };
}
