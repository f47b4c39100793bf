import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ConfigError } from '../../../schema/config-error';
import { parseConfig } from '../../../schema/parse-config';
import { CERTIFICATE } from '../../support/pem-certificate';

const issuer = { issuer: 'https://auth.example.com/', audiences: ['orders-api'] };
const remote = { ...issuer, jwks_uri: 'https://auth.example.com/jwks.json' };
const minimal = { issuers: [remote] };
const publicKey = generateKeyPairSync('ed25519').publicKey.export({ format: 'pem', type: 'spki' }).toString();

/** The error that a configuration causes; anything but a ConfigError is a bug. */
function errorOf(raw: unknown): ConfigError {
  try {
    parseConfig(raw);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('a configuration as Kong sends it', () => {
  it('becomes camelCase with every default applied', () => {
    expect(parseConfig(minimal)).toEqual({
      issuers: [
        {
          provider: null,
          issuer: 'https://auth.example.com/',
          tenants: null,
          anyTenant: false,
          tenantClaim: null,
          tenantFormat: 'name',
          audiences: ['orders-api'],
          anyAudience: false,
          audienceClaim: 'aud',
          requiredClaims: ['exp', 'sub'],
          conditions: [],
          tokenTypes: [],
          callerClaims: ['sub'],
          callerPrefix: null,
          rolesClaims: ['roles'],
          rolesSeparator: 'none',
          scopesClaims: ['scope'],
          scopesSeparator: 'space',
          algorithms: [],
          jwksUri: 'https://auth.example.com/jwks.json',
          discovery: null,
          jwks: null,
          publicKey: null,
          secret: null,
          secretIsBase64: false,
          keyFetch: {
            timeoutMs: 5000,
            ttl: 600,
            minTtl: 60,
            maxTtl: 3600,
            cooldown: 30,
            maxStale: 3600,
            maxBytes: 524_288,
            maxKeys: 100,
            caFile: null,
            bearerTokenFile: null,
            cacheDirectory: null,
            proxyUrl: null,
            allowHttp: false,
            allowLinkLocal: false,
          },
          revokeIssuedBefore: 0,
          statusList: null,
        },
      ],
      revocationLists: [],
      commonCallerIds: false,
      headerNames: ['authorization'],
      cookieNames: [],
      uriParamNames: [],
      workerCacheTtl: 5,
      hideCredentials: true,
      maxTokenBytes: 8192,
      leeway: 10,
      requiredClaims: ['exp', 'sub'],
      maximumExpiration: 0,
      tokenTypes: [],
      identityHeaders: [
        { header: 'X-User-ID', claim: 'sub', required: true, onUnsafe: 'refuse', maxBytes: 4096 },
        { header: 'X-User-Roles', claim: 'roles', required: false, onUnsafe: 'refuse', maxBytes: 4096 },
      ],
      identityToken: null,
      reservedHeaders: [],
      unreservedHeaders: [],
      authorize: null,
      authorizeShadow: null,
      rolesClaim: 'roles',
      scopesClaim: 'scope',
      authenticatedGroupsClaim: null,
      consumerClaim: null,
      consumerBy: 'username',
      consumerOptional: false,
      credentialClaim: null,
      allowMissing: false,
      onInvalidCookie: 'refuse',
      allowAuthenticated: false,
      runOnPreflight: true,
      logDecisions: 'refused',
      logUserClaim: null,
      realm: null,
      resourceMetadata: null,
    });
  });

  it('may hold members of Kong, nulls for what is not set, and {} for empty lists', () => {
    const sent = {
      issuers: [{ ...remote, $refs: {}, algorithms: {}, secret: null, discovery: null, key_fetch: {} }],
      cookie_names: {},
      uri_param_names: null,
      authorize: null,
      realm: null,
      leeway: null,
      $refs: {},
      __key__: 'plugins:jwt-identity:…',
      __seq__: 1,
      __plugin_id: '…',
      __ws_id: '…',
      route_id: '…',
      service_id: '…',
      consumer_id: '…',
    };
    expect(parseConfig(sent)).toEqual(parseConfig(minimal));
  });

  it('is frozen all the way down', () => {
    const unfrozen = (value: unknown): unknown[] =>
      typeof value !== 'object' || value === null
        ? []
        : [...(Object.isFrozen(value) ? [] : [value]), ...Object.values(value).flatMap(unfrozen)];
    expect(unfrozen(parseConfig({ ...minimal, authorize: [{ claims: [{ claim: 'a', one_of: ['b'] }] }] }))).toEqual([]);
  });

  it('gives rules their empty members', () => {
    const authorize = [
      { methods: ['GET'], roles: ['admin'] },
      { claims: [{ claim: '/a/b', one_of: ['c'] }] },
      { any_identity: true },
    ];
    const condition = { claim: '/a/b', oneOf: ['c'], matches: null, present: null };
    expect(parseConfig({ ...minimal, authorize }).authorize).toEqual([
      { methods: ['GET'], roles: ['admin'], scopes: null, claims: null, anyIdentity: null },
      { methods: [], roles: null, scopes: null, claims: [condition], anyIdentity: null },
      { methods: [], roles: null, scopes: null, claims: null, anyIdentity: true },
    ]);
  });
});

describe('safe configurations', () => {
  it.each<[string, object]>([
    ['discovery', { ...issuer, discovery: true }],
    ['discovery on this machine', { ...issuer, issuer: 'http://127.0.0.1:4000', discovery: true }],
    ['plain http, said loudly', { ...issuer, jwks_uri: 'http://idp/jwks', key_fetch: { allow_http: true } }],
    ['an inline key set', { ...issuer, jwks: '{"keys":[]}' }],
    ['a public key', { ...issuer, public_key: publicKey }],
    ['a certificate', { ...issuer, public_key: `subject=example\n${CERTIFICATE}`, algorithms: ['ES256'] }],
    ['a secret', { ...issuer, secret: 'x'.repeat(64), algorithms: ['HS256', 'HS512'] }],
    ['a secret in base64', { ...issuer, secret: Buffer.alloc(32).toString('base64'), secret_is_base64: true }],
    ['an inline key set of secrets', { ...issuer, jwks: '{"keys":[]}', algorithms: ['HS256'] }],
    ['any audience', { issuer: 'a', jwks: '{"keys":[]}', any_audience: true }],
    ['a proxy', { ...remote, key_fetch: { proxy_url: 'http://user:pass@proxy:3128' } }],
  ])('with %s', (_, entry) => {
    expect(() => parseConfig({ issuers: [entry] })).not.toThrow();
  });

  it.each<[string, object]>([
    ['anonymous requests', { allow_missing: true }],
    ['a token in another header', { header_names: ['Authorization', 'Proxy-Authorization', 'X-Access-Token'] }],
    ['a token in a cookie only', { header_names: [], cookie_names: ['__Host-session'] }],
    [
      'an identity header that is reserved by name',
      { reserved_headers: ['X_Forwarded_User'], identity_headers: [{ header: 'X-Forwarded-User', claim: 'sub' }] },
    ],
    ['no identity header at all', { identity_headers: [], reserved_headers: [] }],
    ['claims by JSON Pointer', { roles_claim: '/realm_access/roles', required_claims: ['https://a/b~c', '/a~1b/~0'] }],
    ['consumers, without a list of reserved headers', { consumer_claim: 'sub', reserved_headers: [] }],
    [
      'a list that repeats what is always reserved',
      { reserved_headers: ['X-User-*', 'x_consumer_*', 'X-Identity-Token'] },
    ],
    ['exceptions', { reserved_headers: ['X-Internal-*'], unreserved_headers: ['X-User-Agent', 'x-internal-trace'] }],
    [
      'a token in a header that is an exception',
      { header_names: ['X-User-Token'], unreserved_headers: ['x-user-token'] },
    ],
    ['cookies that differ in case', { cookie_names: ['a', 'A'] }],
    ['the certificates of the system', { ...issuer, key_fetch: { ca_file: 'system' } }],
    ['a stale cookie that counts as none', { allow_missing: true, on_invalid_cookie: 'anonymous' }],
    ['a cookie that looks like a part', { cookie_names: ['a.0', 'b'] }],
    ['a token among the subprotocols of a WebSocket', { header_names: ['Sec-WebSocket-Protocol'] }],
  ])('with %s', (_, members) => {
    expect(() => parseConfig({ ...minimal, ...members })).not.toThrow();
  });
});

/** `[what, members of config, field, message]`; the error's text is the field, a colon, and the message. */
type UnsafeCase = [string, object, string, string | RegExp];

describe('unsafe configurations', () => {
  const issuers = (...entries: object[]) => ({ issuers: entries });
  const header = (name: string) => ({ identity_headers: [{ header: name, claim: 'sub' }], reserved_headers: ['X-*'] });

  it.each<UnsafeCase>([
    // Issuers
    ['no issuer', { issuers: [] }, 'issuers', 'length must be at least 1'],
    ['issuers left out', { issuers: null }, 'issuers', 'required field missing'],
    [
      'an issuer twice',
      issuers(remote, { ...issuer, discovery: true }),
      'issuers[2].issuer',
      /^repeats that of issuers\[1\], with the same keys/,
    ],
    [
      'a line end in an issuer',
      issuers({ ...remote, issuer: 'a\nb' }),
      'issuers[1].issuer',
      'must not hold control characters',
    ],
    [
      'no audience',
      issuers({ ...remote, audiences: [] }),
      'issuers[1].audiences',
      'an issuer needs audiences, unless any_audience is true',
    ],
    [
      'an audience and any',
      issuers({ ...remote, any_audience: true }),
      'issuers[1].audiences',
      'any_audience and a list of audiences contradict each other',
    ],
    [
      'an empty audience',
      issuers({ ...remote, audiences: [''] }),
      'issuers[1].audiences[1]',
      'length must be at least 1',
    ],
    // Algorithms
    ...['none', 'None', 'NONE', 'nOnE', 'HS1', 'RS1', 'rs256', 'ES256K'].map((alg): UnsafeCase => {
      return [
        `the algorithm ${alg}`,
        issuers({ ...remote, algorithms: ['RS256', alg] }),
        'issuers[1].algorithms[2]',
        /^expected one of: HS256,/,
      ];
    }),
    [
      'HMAC beside public-key algorithms',
      issuers({ ...issuer, jwks: '{"keys":[]}', algorithms: ['RS256', 'HS256'] }),
      'issuers[1].algorithms',
      /^these sets are mutually exclusive/,
    ],
    [
      'HMAC with a key URL',
      issuers({ ...remote, algorithms: ['HS256'] }),
      'issuers[1].algorithms',
      'jwks_uri goes with public-key algorithms only',
    ],
    [
      'HMAC with discovery',
      issuers({ ...issuer, discovery: true, algorithms: ['HS256'] }),
      'issuers[1].algorithms',
      'discovery goes with public-key algorithms only',
    ],
    [
      'HMAC with a public key',
      issuers({ ...issuer, public_key: publicKey, algorithms: ['HS256'] }),
      'issuers[1].algorithms',
      'public_key goes with public-key algorithms only',
    ],
    [
      'a secret with a public-key algorithm',
      issuers({ ...issuer, secret: 'x'.repeat(64), algorithms: ['RS256'] }),
      'issuers[1].algorithms',
      'a secret goes with HS256, HS384 and HS512 only',
    ],
    // Keys
    [
      'no keys',
      issuers(issuer),
      'issuers[1]',
      /^at least one of these fields must be non-empty: 'jwks_uri', 'discovery', 'jwks', 'public_key', 'secret', 'provider'$/,
    ],
    ['keys from two places', issuers({ ...remote, discovery: true }), 'issuers[1]', /^only one or none of these/],
    ['discovery: false', issuers({ ...remote, discovery: false }), 'issuers[1].discovery', /^must be true or left out/],
    [
      'a short secret',
      issuers({ ...issuer, secret: 'hunter2' }),
      'issuers[1].secret',
      'must have at least 32 bytes for HS256, it has 7 (RFC 7518 §3.2)',
    ],
    [
      'a public key as secret',
      issuers({ ...issuer, secret: publicKey }),
      'issuers[1].secret',
      /^is a public key or certificate/,
    ],
    [
      'secret_is_base64 without a secret',
      issuers({ ...remote, secret_is_base64: true }),
      'issuers[1].secret',
      'secret_is_base64 needs a secret',
    ],
    [
      'a secret that is not base64',
      issuers({ ...issuer, secret: '!', secret_is_base64: true }),
      'issuers[1].secret',
      'is not base64 or base64url',
    ],
    [
      'plain http to another host',
      issuers({ ...issuer, jwks_uri: 'http://idp/jwks' }),
      'issuers[1].jwks_uri',
      /^must be https:/,
    ],
    [
      'credentials in a key URL',
      issuers({ ...issuer, jwks_uri: 'https://u:p@idp/jwks' }),
      'issuers[1].jwks_uri',
      'must not hold a user name or a password',
    ],
    [
      'a fragment in a key URL',
      issuers({ ...issuer, jwks_uri: 'https://idp/jwks#a' }),
      'issuers[1].jwks_uri',
      'must not have a fragment',
    ],
    [
      'a line end in a key URL',
      issuers({ ...issuer, jwks_uri: 'https://idp/\r\njwks' }),
      'issuers[1].jwks_uri',
      'must not hold control characters',
    ],
    [
      'discovery from an issuer that is no URL',
      issuers({ ...issuer, issuer: 'auth', discovery: true }),
      'issuers[1].issuer',
      'must be an absolute https:// URL, because discovery starts from it',
    ],
    [
      'discovery over plain http',
      issuers({ ...issuer, issuer: 'http://idp', discovery: true }),
      'issuers[1].issuer',
      /^must be https:/,
    ],
    [
      'discovery from an issuer with a query',
      issuers({ ...issuer, issuer: 'https://idp?a', discovery: true }),
      'issuers[1].issuer',
      /^must not have a query/,
    ],
    ...['', '[]', '{}', '{"keys":{}}', 'null', '1', '{"keys":[]', 'keys'].map((jwks): UnsafeCase => {
      return [
        `the key set ${jwks}`,
        issuers({ ...issuer, jwks }),
        'issuers[1].jwks',
        jwks === '' ? /^is empty/ : /^must be JSON text/,
      ];
    }),
    [
      'a private key',
      issuers({ ...issuer, public_key: '-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----' }),
      'issuers[1].public_key',
      /^holds a private key/,
    ],
    [
      'text that is no PEM',
      issuers({ ...issuer, public_key: 'AAAA' }),
      'issuers[1].public_key',
      /^must be PEM with one/,
    ],
    [
      'two public keys',
      issuers({ ...issuer, public_key: `${publicKey}${CERTIFICATE}` }),
      'issuers[1].public_key',
      /^must be PEM with one/,
    ],
    [
      'a secret that no vault had',
      issuers({ ...issuer, secret: '' }),
      'issuers[1].secret',
      /^is empty, as a vault reference/,
    ],
    [
      'a reference that nobody resolved',
      issuers({ ...issuer, secret: '{vault://env/secret-of-thirty-two-bytes-or-more}' }),
      'issuers[1].secret',
      'holds a vault reference that Kong did not resolve',
    ],
    // Fetching
    [
      'ttl below min_ttl',
      issuers({ ...remote, key_fetch: { ttl: 30 } }),
      'issuers[1].key_fetch.ttl',
      'must not be less than min_ttl (30 < 60)',
    ],
    [
      'max_ttl below ttl',
      issuers({ ...remote, key_fetch: { max_ttl: 300 } }),
      'issuers[1].key_fetch.max_ttl',
      'must not be less than ttl (300 < 600)',
    ],
    [
      'no cooldown',
      issuers({ ...remote, key_fetch: { cooldown: 0 } }),
      'issuers[1].key_fetch.cooldown',
      'value should be between 1 and 3600',
    ],
    [
      'a CA file that is almost the word for those of the system',
      issuers({ ...remote, key_fetch: { ca_file: 'systems' } }),
      'issuers[1].key_fetch.ca_file',
      'must be an absolute path, or system',
    ],
    [
      'a token that may be sent over plain http',
      issuers({ ...remote, key_fetch: { bearer_token_file: '/run/token', allow_http: true } }),
      'issuers[1].key_fetch.bearer_token_file',
      'must not be sent over plain http:, which allow_http permits',
    ],
    [
      'a token file with a relative path',
      issuers({ ...remote, key_fetch: { bearer_token_file: 'token' } }),
      'issuers[1].key_fetch.bearer_token_file',
      'must be an absolute path',
    ],
    [
      'a relative CA file',
      issuers({ ...remote, key_fetch: { ca_file: 'ca.pem' } }),
      'issuers[1].key_fetch.ca_file',
      'must be an absolute path, or system',
    ],
    [
      'a proxy of another kind',
      issuers({ ...remote, key_fetch: { proxy_url: 'socks5://secret' } }),
      'issuers[1].key_fetch.proxy_url',
      'must be an http:// or https:// URL',
    ],
    [
      'a proxy that is no URL',
      issuers({ ...remote, key_fetch: { proxy_url: 'http://' } }),
      'issuers[1].key_fetch.proxy_url',
      'must be a URL, with user and password percent-encoded',
    ],
    [
      'a proxy whose password is not percent-encoded',
      issuers({ ...remote, key_fetch: { proxy_url: 'http://user:50%off@proxy.test/' } }),
      'issuers[1].key_fetch.proxy_url',
      'must be a URL, with user and password percent-encoded',
    ],
    ['a typo in an issuer', issuers({ ...remote, audience: 'x' }), 'issuers[1].audience', 'unknown field'],
    // Identity headers
    [
      'two identity headers that are one to a server',
      {
        identity_headers: [
          { header: 'X-User-ID', claim: 'sub' },
          { header: 'x_user_id', claim: 'email' },
        ],
      },
      'identity_headers[2].header',
      'is the same header as that of identity_headers[1]: servers read both as x-user-id',
    ],
    [
      'an identity header that clients could send',
      { identity_headers: [{ header: 'X-Tenant', claim: 'tenant' }] },
      'identity_headers[1].header',
      'must be covered by reserved_headers, or clients could send it themselves',
    ],
    ...[
      'Host',
      'Connection',
      'Content-Length',
      'Content_Type',
      'Transfer-Encoding',
      'TE',
      'Trailer',
      'Upgrade',
      'Keep-Alive',
      'Proxy-Authorization',
      'Proxy-Foo',
      'Expect',
      'Authorization',
      'Cookie',
      'Via',
      'Forwarded',
      'X-Forwarded-For',
      'x_forwarded_proto',
      'X-Real-IP',
      'Sec-WebSocket-Key',
    ].map((name): UnsafeCase => {
      return [
        `the identity header ${name}`,
        { ...header(name), reserved_headers: [] },
        'identity_headers[1].header',
        /^must not be the transport or credential header /,
      ];
    }),
    ...['X User', 'X-User\r\nA', 'X-User:', 'Xü', 'X.User', '', '__proto__', '-X', 'x'.repeat(129)].map(
      (name): UnsafeCase => {
        return [
          `the identity header ${JSON.stringify(name)}`,
          header(name),
          'identity_headers[1].header',
          /^must be a header name/,
        ];
      },
    ),
    [
      'a header without a claim',
      { identity_headers: [{ header: 'X-User-ID' }] },
      'identity_headers[1].claim',
      'required field missing',
    ],
    ...['/~', '/a~2', '/a/~', '/~a/b'].map((claim): UnsafeCase => {
      return [
        `the pointer ${claim}`,
        { identity_headers: [{ header: 'X-User-ID', claim }] },
        'identity_headers[1].claim',
        /^is not a JSON Pointer/,
      ];
    }),
    ['a line end in a claim', { roles_claim: 'a\nb' }, 'roles_claim', 'must not hold control characters'],
    // Reserved headers
    ['everything reserved', { reserved_headers: ['*'] }, 'reserved_headers[1]', /^must be a header name/],
    [
      'almost everything reserved',
      { reserved_headers: ['X-*'], identity_headers: [] },
      'reserved_headers[1]',
      /^must not cover the transport or credential header/,
    ],
    [
      'a short beginning',
      { reserved_headers: ['X-User-*', 'zz*'] },
      'reserved_headers[2]',
      'must have at least 3 characters before the "*"',
    ],
    ['a star in the middle', { reserved_headers: ['X-*-ID'] }, 'reserved_headers[1]', /^must be a header name/],
    ...[
      'Authorization',
      'Auth*',
      'content-*',
      'X-Forwarded-*',
      'X_Real_*',
      'proxy-x*',
      'Prox*',
      'sec-websocket-*',
      'Cookie',
    ].map((pattern): UnsafeCase => {
      return [
        `${pattern} reserved`,
        { reserved_headers: ['X-User-*', pattern] },
        'reserved_headers[2]',
        /^must not cover the transport or credential header /,
      ];
    }),
    // Where tokens come from
    [
      'nowhere to look for a token',
      { header_names: [] },
      '',
      /^at least one of these fields must be non-empty: 'header_names'/,
    ],
    [
      'a token in a reserved header',
      { header_names: ['X_User_Token'] },
      'header_names[1]',
      'is reserved, so it is never accepted from a client; unreserved_headers can except it',
    ],
    [
      'a token in another spelling of an exception',
      { header_names: ['X_User_Token'], unreserved_headers: ['X-User-Token'] },
      'header_names[1]',
      /^is reserved, so it is never accepted/,
    ],
    // Exceptions from what is reserved
    ...[
      'X-User-ID',
      'x_user_roles',
      'X-Consumer-Username',
      'X_Consumer_Groups',
      'X-Consumer-Anything',
      'X-Credential-Identifier',
      'X-Anonymous-Consumer',
      'X-Authenticated-Groups',
      'X-Authenticated-Scope',
      'X-Identity-Token',
    ].map((name): UnsafeCase => {
      return [
        `the exception ${name}`,
        { unreserved_headers: ['X-User-Agent', name] },
        'unreserved_headers[2]',
        'must not be a header that Kong or this plugin writes for services',
      ];
    }),
    [
      'an exception for an identity header',
      { identity_headers: [{ header: 'X-User-Email', claim: 'email' }], unreserved_headers: ['X_User_Email'] },
      'unreserved_headers[1]',
      'must not be a header that Kong or this plugin writes for services',
    ],
    [
      'an exception for the header of the identity token',
      {
        identity_token: { header: 'X-User-Proof', issuer: 'gateway', audience: 'orders' },
        unreserved_headers: ['X-User-Proof'],
      },
      'unreserved_headers[1]',
      'must not be a header that Kong or this plugin writes for services',
    ],
    [
      'an exception from nothing',
      { unreserved_headers: ['X-Userid'] },
      'unreserved_headers[1]',
      'is not reserved, so it needs no exception',
    ],
    [
      'an exception that reserved_headers lists',
      { reserved_headers: ['X-Tenant'], unreserved_headers: ['X_Tenant'] },
      'unreserved_headers[1]',
      'is listed in reserved_headers too',
    ],
    [
      'an exception twice',
      { unreserved_headers: ['X-User-Agent', 'x_user_agent'] },
      'unreserved_headers[2]',
      'repeats unreserved_headers[1]',
    ],
    [
      'an exception for a beginning',
      { unreserved_headers: ['X-User-*'] },
      'unreserved_headers[1]',
      /^must be a header name/,
    ],
    ...['Cookie', 'Host', 'X-Forwarded-For', 'proxy_authorization', 'Proxy-Foo'].map((name): UnsafeCase => {
      return [
        `a token in ${name}`,
        { header_names: [name] },
        'header_names[1]',
        /^must not be the transport or credential header /,
      ];
    }),
    [
      'a header twice',
      { header_names: ['X-Token', 'authorization', 'x_token'] },
      'header_names[3]',
      'repeats header_names[1]',
    ],
    ['a cookie twice', { cookie_names: ['a', 'a'] }, 'cookie_names[2]', 'repeats cookie_names[1]'],
    [
      'a cookie that is a part of another',
      { cookie_names: ['a.0', 'a'] },
      'cookie_names[1]',
      'is a part of the cookie a, which is listed, too: name that one alone',
    ],
    ['a parameter twice', { uri_param_names: ['a', 'b', 'b'] }, 'uri_param_names[3]', 'repeats uri_param_names[2]'],
    ...['a=b', 'a;b', 'a b', 'a,b', ''].map((name): UnsafeCase => {
      return [
        `the cookie ${JSON.stringify(name)}`,
        { cookie_names: [name] },
        'cookie_names[1]',
        /^must be a cookie name/,
      ];
    }),
    ...['a=b', 'a&b', 'a b', 'a%20', ''].map((name): UnsafeCase => {
      return [
        `the parameter ${JSON.stringify(name)}`,
        { uri_param_names: [name] },
        'uri_param_names[1]',
        /^must hold only/,
      ];
    }),
    ['tokens without bounds', { max_token_bytes: 65_537 }, 'max_token_bytes', 'value should be between 256 and 65536'],
    // Time
    ['too much leeway', { leeway: 301 }, 'leeway', 'value should be between 0 and 300'],
    ['negative leeway', { leeway: -1 }, 'leeway', 'value should be between 0 and 300'],
    // Authorization
    ['no rule', { authorize: [] }, 'authorize', 'length must be at least 1'],
    ['no rule, as Lua says it', { authorize: {} }, 'authorize', 'length must be at least 1'],
    [
      'a rule that asks for nothing',
      { authorize: [{ methods: ['GET'] }] },
      'authorize[1]',
      /^at least one of these fields must be non-empty: 'roles', 'scopes', 'claims', 'any_identity'$/,
    ],
    [
      'a rule with an empty list of roles',
      { authorize: [{ roles: [], any_identity: true }] },
      'authorize[1].roles',
      /^length must be at least 1/,
    ],
    [
      'any identity, but with a role',
      { authorize: [{ roles: ['a'], any_identity: true }] },
      'authorize[1]',
      /^these sets are mutually exclusive/,
    ],
    [
      'any_identity: false',
      { authorize: [{ any_identity: false }] },
      'authorize[1].any_identity',
      'must be true or left out',
    ],
    [
      'a condition without values',
      { authorize: [{ claims: [{ claim: 'a', one_of: [] }] }] },
      'authorize[1].claims[1].one_of',
      'length must be at least 1',
    ],
    ...['a b', 'a"', 'a\\', 'ü', ''].map((scope): UnsafeCase => {
      return [
        `the scope ${JSON.stringify(scope)}`,
        { authorize: [{ scopes: [scope] }] },
        'authorize[1].scopes[1]',
        /^must be one scope/,
      ];
    }),
    [
      'a method in lower case',
      { authorize: [{ methods: ['get'], roles: ['a'] }] },
      'authorize[1].methods[1]',
      'must be a method in upper case',
    ],
    [
      'anonymous requests and rules',
      { allow_missing: true, authorize: [{ roles: ['a'] }] },
      'authorize',
      /^allow_missing and authorize contradict each other/,
    ],
    [
      'a stale cookie that counts as none where every request needs a token',
      { cookie_names: ['a'], on_invalid_cookie: 'anonymous' },
      'allow_missing',
      /^on_invalid_cookie: anonymous needs allow_missing/,
    ],
    // The rest
    ['a realm with a line end', { realm: 'a\r\nb' }, 'realm', /^must be at most 128 printable ASCII/],
    ['a token type with blanks', { token_types: ['at jwt'] }, 'token_types[1]', /^must be a media type/],
    ['another way to find consumers', { consumer_by: 'email' }, 'consumer_by', 'expected one of: id, username'],
  ])('are refused: %s', (_, members, field, message) => {
    const error = errorOf({ ...minimal, ...members });
    const path = field === '' ? 'config' : `config.${field}`;
    expect(error.field).toBe(path);
    expect(error.message.startsWith(`${path}: `)).toBe(true);
    const text = error.message.slice(path.length + 2);
    if (typeof message === 'string') expect(text).toBe(message);
    else expect(text).toMatch(message);
  });

  it('say everything that is wrong at once', () => {
    expect(errorOf({ issuers: [{ ...remote, audiences: [] }], leeway: 500, realm: 7 }).message).toBe(
      'config.issuers[1].audiences: an issuer needs audiences, unless any_audience is true; ' +
        'config.leeway: value should be between 0 and 300; config.realm: expected a string',
    );
    expect(
      errorOf({ ...minimal, header_names: ['Host', 'host'], cookie_names: ['a', 'a'] }).message.split('; '),
    ).toHaveLength(4);
  });

  it.each([undefined, null, 1, 'config', true, [1]])('are refused when they are no configuration at all: %p', (raw) => {
    expect(errorOf(raw).field).toMatch(/^config/);
  });

  it('never quote a secret', () => {
    const secret = 'correct-horse-battery';
    const entries = [
      { ...issuer, secret },
      { ...issuer, secret, secret_is_base64: true },
      { ...issuer, secret: `${secret}\n`, algorithms: ['RS256'] },
      { ...issuer, secret: `-----BEGIN ${secret}` },
      { ...issuer, secret: [secret] },
      { ...issuer, jwks: secret },
      { ...issuer, jwks: `{"keys":"${secret}"}` },
      { ...remote, key_fetch: { proxy_url: `socks://${secret}` } },
      { ...remote, key_fetch: { proxy_url: `http://[${secret}` } },
    ];
    for (const entry of entries) expect(errorOf({ issuers: [entry] }).message).not.toContain(secret);
  });
});

describe('whatever Kong might send', () => {
  const names = ['issuers', 'header_names', 'identity_headers', 'reserved_headers', 'authorize', 'leeway', 'realm'];
  const members = [
    'issuer',
    'audiences',
    'jwks_uri',
    'jwks',
    'secret',
    'key_fetch',
    'header',
    'claim',
    'roles',
    '__proto__',
  ];
  const value = fc.letrec((tie) => ({
    any: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(null, true, 0, 1e400, '', 'a', 'https://a/', '/~', '{vault://x}', '{"keys":[]}', ...names),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom(...names, ...members), tie('any'), { maxKeys: 6 }),
    ),
  })).any;

  it('never causes anything but a configuration or a ConfigError', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), value), (raw) => {
        try {
          parseConfig(raw);
        } catch (error) {
          expect(error).toBeInstanceOf(ConfigError);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it('is read the same once its defaults are written out', () => {
    const snakeCase = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(snakeCase);
      if (typeof value !== 'object' || value === null) return value;
      const entries = Object.entries(value).map(([key, member]) => [
        key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
        snakeCase(member),
      ]);
      return Object.fromEntries(entries) as unknown;
    };
    const once = parseConfig(minimal);
    expect(parseConfig(snakeCase(once))).toEqual(once);
  });
});
