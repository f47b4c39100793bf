import { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import {
  createGatekeepers,
  operatorsSigningKeys,
  type Door,
  type Gatekeeper,
} from '../../../src/gatekeeper/gatekeeper';
import { Refusal } from '../../../src/core/refusal/refusal';
import { SIGNING_KEYS_VARIABLE } from '../../../src/keys/signing-keys';
import type { LogFields } from '../../../src/telemetry/log';
import { publicJwk, signingKey, signToken } from '../../support/tokens';

const key = signingKey('ES256', 'k');
const ISSUER = { issuer: 'https://auth.example.com/', audiences: ['orders'] };
const config = { issuers: [{ ...ISSUER, jwks: JSON.stringify({ keys: [publicJwk(key)] }) }] };
const identityToken = { issuer: 'https://gateway.test', audience: 'orders' };
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const door: Door = {
  signingKeys: () => ({ alg: 'ES256', kid: 'gateway', key: privateKey }),
  isKong: true,
  knowsUpstreamPath: true,
};
const log = jest.fn<(level: string, message: string, fields?: LogFields) => void>();
afterEach(() => {
  log.mockReset();
});

const open = (changes: object = {}, at: Partial<Door> = {}): Gatekeeper =>
  createGatekeepers({ log })({ ...config, ...changes }, { ...door, ...at });
const bearer = async (exp = 4_000_000_000): Promise<string> =>
  `Bearer ${await signToken(key, { iss: ISSUER.issuer, aud: 'orders', sub: 'ada', exp })}`;

describe('a gatekeeper', () => {
  it('lets a request with a genuine token proceed with its identity', async () => {
    const decision = await open().decide({ headers: { authorization: await bearer() } });
    expect(decision).toMatchObject({ outcome: 'proceed', headers: { 'X-User-ID': 'ada' } });
  });

  it('judges times by the clock that it is given', async () => {
    const early = createGatekeepers({ log, clock: () => 1_000 })(config, door);
    const headers = { authorization: await bearer(2_000) };
    expect(await early.decide({ headers })).toMatchObject({ outcome: 'proceed' });
    expect(await open().decide({ headers })).toMatchObject({ code: 'token_expired' });
  });

  it('refuses a request when its decision throws, and logs neither headers nor the message of the error', async () => {
    const headers = {
      get authorization(): string {
        throw new Error('eyJ.secret.token');
      },
    };
    const decision = await open().decide({ headers });
    expect(decision).toBeInstanceOf(Refusal);
    expect(decision).toMatchObject({ outcome: 'refuse', code: 'internal_error', status: 500 });
    expect(log).toHaveBeenCalledWith('error', 'request refused because of an unexpected error', expect.anything());
    expect(JSON.stringify(log.mock.calls)).not.toContain('secret');
  });

  it('warns when it is opened for two issuers whose callers the service cannot tell apart', () => {
    const [issuer] = config.issuers;
    const issuers = [issuer, { ...issuer, issuer: 'https://other.example.com/' }];
    open({ issuers, identity_headers: [{ header: 'X-User-Email', claim: 'email' }] });
    expect(log).toHaveBeenCalledWith('warn', expect.stringContaining('the same value from two issuers'), {
      field: 'config.identity_headers',
    });
  });

  it('tells an observer what it finds', async () => {
    const stages: string[] = [];
    await open().decide({ headers: {} }, (stage) => stages.push(stage));
    expect(stages).toEqual(['request', 'token']);
  });
});

describe('a configuration', () => {
  it('is an error when a field is wrong, and the error names the field', () => {
    expect(() => open({ issuers: [] })).toThrow(/issuers/);
  });

  it('is an error when it needs a consumer and the door cannot look consumers up', () => {
    expect(() => open({ consumer_claim: 'sub' }, { isKong: false })).toThrow(/consumer_claim.*needs Kong/);
  });

  it('is an error when it binds identity tokens to a path that the door does not know', () => {
    const bound = { identity_token: { ...identityToken, bind_request: true } };
    expect(() => open(bound, { knowsUpstreamPath: false })).toThrow(/bind_request.*needs Kong/);
  });

  it('is an error when it needs signing keys and the operator gave none', () => {
    expect(() => open({ identity_token: identityToken }, { signingKeys: '' })).toThrow(/needs signing keys: serve/);
  });

  it('makes an identity token with the key of the door', async () => {
    const decision = await open({ identity_token: identityToken }).decide({
      headers: { authorization: await bearer() },
    });
    expect(decision).toHaveProperty('headers.X-Identity-Token', expect.stringMatching(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/));
  });

  it('may need a consumer at a door that can look consumers up', () => {
    expect(open({ consumer_claim: 'sub' }).policy.handOver.consumer).toBeDefined();
  });

  it('makes no identity token at a door that signs nothing', async () => {
    const gatekeeper = open({ identity_token: identityToken }, { signingKeys: undefined });
    const decision = await gatekeeper.decide({ headers: { authorization: await bearer() } });
    expect(decision).toMatchObject({ outcome: 'proceed', headers: { 'X-User-ID': 'ada' } });
    expect(decision).not.toHaveProperty('headers.X-Identity-Token');
  });

  it('also takes the token from the cookies of the door', async () => {
    const headers = { cookie: `session=${(await bearer()).replace('Bearer ', '')}` };
    expect(await open().decide({ headers })).toMatchObject({ code: 'token_missing' });
    expect(await open({}, { cookieNames: ['session'] }).decide({ headers })).toMatchObject({ outcome: 'proceed' });
  });
});

describe('the signing keys of the operator', () => {
  afterEach(() => {
    // eslint-disable-next-line @typescript-eslint/no-dynamic-delete -- a variable that is not there differs from an empty one
    delete process.env[SIGNING_KEYS_VARIABLE];
  });

  it('are where the environment says', () => {
    process.env[SIGNING_KEYS_VARIABLE] = '/run/keys.json';
    expect(operatorsSigningKeys()).toBe('/run/keys.json');
  });

  it('are an empty path when the environment says nothing, with which identity_token is an error', () => {
    expect(operatorsSigningKeys()).toBe('');
  });
});
