import { describe, expect, it, jest } from '@jest/globals';
import { forgedHeaders, HEADER_LIMIT, headerHygiene } from '../../../../src/core/request/header-hygiene';
import { Refusal } from '../../../../src/core/refusal/refusal';
import type { RequestView } from '../../../../src/core/request/request-view';

const config: Parameters<typeof headerHygiene>[0] = {
  reservedHeaders: ['X-Internal-*'],
  unreservedHeaders: ['X-User-Agent', 'X-Internal-Trace'],
  identityHeaders: [
    { header: 'X-User-ID', claim: 'sub', required: true, onUnsafe: 'refuse', maxBytes: 100 },
    { header: 'X_Tenant', claim: 'tenant', required: false, onUnsafe: 'refuse', maxBytes: 100 },
  ],
  headerNames: ['Authorization', 'X-Access-Token'],
};
const hygiene = headerHygiene(config);
const inspect = (headers: RequestView['headers']): unknown => {
  const result = forgedHeaders({ headers }, hygiene);
  return result instanceof Refusal ? result.code : result;
};

describe('headers that a client may not send', () => {
  it.each([
    ['x-user-id'],
    ['x_user_id'],
    ['x-user_id'],
    ['x_user-id'],
    ['x.user.id'],
    ['x-user-anything-else'],
    ['x_consumer_username'],
    ['x-tenant'],
    ['x_tenant'],
    ['x_access_token'],
    ['x_internal_zone'],
    // Another spelling of what an exception names: a server may read both as one header.
    ['x_user_agent'],
    ['x-internal_trace'],
    // Reserved in every configuration.
    ['x_consumer_groups'],
    ['x-credential_identifier'],
    ['x_anonymous_consumer'],
    ['x_authenticated_groups'],
    ['x-authenticated-userid'],
    ['x_identity_token'],
  ])('finds %s under its own spelling', (name) => {
    expect(inspect({ accept: '*/*', [name]: 'evil' })).toEqual([name]);
  });

  it.each([
    ['x-user'],
    ['x-users-id'],
    ['xuserid'],
    ['user-id'],
    ['authorization'],
    ['x-access-token'],
    ['x-user-agent'],
    ['x-internal-trace'],
  ])('leaves %s', (name) => {
    expect(inspect({ [name]: 'x' })).toEqual([]);
  });

  it('finds several spellings at once, repeated ones too', () => {
    expect(inspect({ x_user_id: ['a', 'b'], 'x-user-roles': 'admin', 'x-user_roles': 'root' })).toEqual([
      'x_user_id',
      'x-user-roles',
      'x-user_roles',
    ]);
  });
});

describe('answers about names', () => {
  it('are the same when they come from memory, and when more names are asked about than it holds', () => {
    const odd = 'x-user-'.padEnd(200, 'x');
    for (let round = 0; round < 3; round += 1) {
      for (let i = 0; i < 700; i += 1) {
        expect(inspect({ [`x-user-${i}`]: 'evil', [`h-${i}`]: 'v', [odd]: 'evil' })).toEqual([`x-user-${i}`, odd]);
      }
    }
  });
});

describe('the memory of header names', () => {
  it('holds a bounded number of names, and none of the long ones', () => {
    const remember = jest.spyOn(Map.prototype, 'set');
    const forget = jest.spyOn(Map.prototype, 'clear');
    try {
      const fresh = headerHygiene(config);
      remember.mockClear();
      let most = 0;
      for (let i = 0; i < 5_000; i += 1) {
        fresh.isForged(`name-${i}`);
        most = Math.max(most, (remember.mock.contexts.at(-1) as Map<string, boolean>).size);
      }
      expect(remember).toHaveBeenCalledTimes(5_000);
      expect(most).toBeLessThanOrEqual(500);
      expect(forget).toHaveBeenCalled();
      remember.mockClear();
      for (let i = 0; i < 100; i += 1) fresh.isForged(`${i}`.padEnd(65, 'x'));
      expect(remember).not.toHaveBeenCalled();
    } finally {
      remember.mockRestore();
      forget.mockRestore();
    }
  });
});

describe('what is no header name', () => {
  it.each([
    ['a blank at the end', 'x-tenant '],
    ['a blank at the beginning', '\tx-tenant'],
    ['a letter that becomes an ASCII one in lower case', 'x-to\u212aen'],
    ['a letter that becomes two ASCII ones in upper case', 'x-paß'],
    ['a colon', 'x-tenant:'],
    ['a control character', 'x-tenant\0'],
    ['nothing', ''],
  ])('is removed whatever it resembles: %s (A2)', (_, name) => {
    expect(inspect({ [name]: 'evil' })).toEqual([name]);
  });

  it('is not every odd name: whatever RFC 9110 allows passes', () => {
    expect(inspect({ "!#$%&'*+-.^_`|~0-9az": 'x', __proto__x: 'x', ':authority': 'x' })).toEqual([]);
  });
});

describe('a header by which a gateway says where a request comes from', () => {
  it.each(['x_forwarded_for', 'x-forwarded_host', 'x_forwarded-proto', 'x.forwarded.port', 'x-real_ip', 'x_real_ip'])(
    'is removed as %s, which Kong does not overwrite (I2)',
    (name) => {
      expect(inspect({ [name]: '10.0.0.1' })).toEqual([name]);
    },
  );

  it.each(['x-forwarded-for', 'x-real-ip', 'x-forwarded-user', 'x_forwarded_user'])('is left to Kong as %s', (name) => {
    expect(inspect({ [name]: '10.0.0.1' })).toEqual([]);
  });
});

describe('header lists that cannot be trusted', () => {
  const many = (count: number): RequestView['headers'] =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`h${i}`, 'v']));

  it('refuses a list as long as Kong hands out at the most', () => {
    expect(inspect(many(HEADER_LIMIT - 1))).toEqual([]);
    expect(inspect(many(HEADER_LIMIT))).toBe('headers_truncated');
  });

  it('counts lines, not what is in them', () => {
    expect(inspect({ h: 'v'.repeat(2 * HEADER_LIMIT) })).toEqual([]);
  });

  it('counts every line of a repeated header', () => {
    expect(inspect({ h: Array<string>(HEADER_LIMIT).fill('v') })).toBe('headers_truncated');
  });
});

describe('the Connection header', () => {
  it.each([
    ['X-User-ID'],
    ['close, X-User-Roles'],
    ['close ,\tx-user-roles '],
    ['keep-alive,X_User_ID'],
    ['CLOSE, x-uSER-id'],
    ['x-consumer-username'],
    [['close', 'x-user-id']],
    [['close', 'te, X_Tenant']],
    // Written by acl, and by this plugin on other routes.
    ['X-Authenticated-Groups'],
    ['x-identity-token'],
    ['X_User_Agent'],
    // Framing: the service would take the body for the next request (CVE-2026-6338).
    ['Content-Length'],
    ['keep-alive, content-length'],
    [['close', 'Content_Length']],
    ['Transfer-Encoding'],
    ['Host'],
    ['content-type'],
    // What the decision was made from.
    ['Authorization'],
    ['x-access-token'],
    ['X_Access_Token'],
    ['Cookie'],
    ['Origin'],
    ['Access-Control-Request-Method'],
    ['X-Forwarded-For'],
  ])('is refused when it is %j', (connection) => {
    expect(inspect({ connection })).toBe('connection_header_abuse');
  });

  it.each([
    ['close'],
    ['keep-alive'],
    ['keep-alive, Upgrade'],
    ['Upgrade, HTTP2-Settings'],
    ['TE, close'],
    ['te, x-other'],
    ['X-User-Agent'],
    [''],
    [',, ,'],
    ['x-tenant ;q=1'],
    [[]],
  ])('passes as %j', (connection) => {
    expect(inspect({ connection })).toEqual([]);
  });

  it.each([['close, X-User-Roles ;q=1'], ['x-user-id;q=1'], ['X-User-']])(
    'is refused as %j too: it begins like a reserved header, whatever an intermediary makes of the rest (A5)',
    (connection) => {
      expect(inspect({ connection })).toBe('connection_header_abuse');
    },
  );

  it.each([['keep-alive'], ['proxy-connection'], ['te'], ['trailer'], ['upgrade']])(
    'is the only one that removes headers: %s may name what it likes (A5)',
    (name) => {
      expect(inspect({ [name]: 'X-User-ID' })).toEqual([]);
    },
  );
});
