import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Plugin } from '../../../plugin/jwt-identity/index';
import { HANDLER_MEMBER } from '../../../src/protocol/verdict';
import {
  decisionChannel,
  traceChannel,
  type DecisionMessage,
  type TraceMessage,
} from '../../../src/telemetry/channels';
import { pluginKong, type PluginAnswers } from '../../support/plugin-kong';
import { publicJwk, signingKey, signToken, type SigningKey } from '../../support/tokens';

const ISSUER = 'https://auth.example.com/';
let key: SigningKey;
let token: string;
beforeAll(() => {
  key = signingKey('ES256', 'k');
});

// What the plugin logs goes to stderr, which is Kong's error log.
const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
afterAll(() => {
  stderr.mockRestore();
});

let decisions: DecisionMessage[];
let traces: TraceMessage[];
const noteDecision = (message: DecisionMessage): void => void decisions.push(message);
const noteTrace = (message: TraceMessage): void => void traces.push(message);
let issued = 0;
beforeEach(async () => {
  // A token that was verified before has no step of verification.
  const claims = { iss: ISSUER, sub: 'u1', aud: 'orders', exp: 4_000_000_000, roles: ['admin'] };
  token = await signToken(key, { ...claims, jti: String((issued += 1)) });
  decisions = [];
  traces = [];
  decisionChannel.subscribe(noteDecision);
  traceChannel.subscribe(noteTrace);
});
afterEach(() => {
  decisionChannel.unsubscribe(noteDecision);
  traceChannel.unsubscribe(noteTrace);
});

async function access(config: object, answers: PluginAnswers = {}): Promise<void> {
  const jwks = JSON.stringify({ keys: [publicJwk(key)] });
  const plugin = new Plugin({ issuers: [{ issuer: ISSUER, audiences: ['orders'], jwks }], ...config });
  const headers = { authorization: `Bearer ${token}` };
  await plugin.access(pluginKong({ 'request.getHeaders': () => Promise.resolve(headers), ...answers }).kong);
}

const fault = (): Promise<never> => Promise.reject(new Error('no'));

describe('a request', () => {
  it.each<[string, object, PluginAnswers, Partial<DecisionMessage>, string[]]>([
    [
      'that passes',
      {},
      {},
      { outcome: 'proceed', code: 'proceed', issuer: ISSUER, kid: 'k' },
      ['request', 'verification', 'identity', 'hand-over'],
    ],
    [
      'that is refused',
      { authorize: [{ roles: ['root'] }] },
      {},
      { outcome: 'refuse', code: 'forbidden', status: 403 },
      ['request', 'verification', 'authorization'],
    ],
    [
      'without a consumer',
      { consumer_claim: 'sub' },
      {},
      { outcome: 'refuse', code: 'consumer_unknown' },
      ['request', 'verification', 'identity'],
    ],
    [
      'that could not be read',
      {},
      { 'request.getHeaders': fault },
      { outcome: 'refuse', code: 'internal_error', status: 500 },
      [],
    ],
    [
      'that Kong does not let pass',
      {},
      { 'service.request.setHeaders': fault },
      { outcome: 'refuse', code: 'internal_error', status: 500 },
      ['request', 'verification', 'identity'],
    ],
    [
      'under a configuration that is not usable',
      { issuers: [] },
      {},
      { outcome: 'refuse', code: 'configuration_error', status: 500 },
      [],
    ],
  ])('%s is reported once, as it ended, with its steps', async (_, config, answers, decision, steps) => {
    await access(config, answers);
    expect(decisions).toMatchObject([decision]);
    expect(traces).toMatchObject([{ decision: decisions[0] }]);
    expect(traces[0]!.steps.map(({ name }) => name)).toEqual(steps);
    expect(JSON.stringify([decisions, traces])).not.toContain(token);
  });

  it('for the metadata of the resource is none of those that were decided', async () => {
    const path = '/.well-known/oauth-protected-resource';
    await access(
      { resource_metadata: { resource: 'https://api.test/' } },
      { 'request.getMethod': () => Promise.resolve('GET'), 'nginx.getVar': () => Promise.resolve(path) },
    );
    expect([decisions, traces]).toEqual([[], []]);
  });
});

describe('a plugin whose configuration is not usable', () => {
  const jwks = JSON.stringify({ keys: [publicJwk(signingKey('ES256', 'k'))] });
  const usable = { issuers: [{ issuer: ISSUER, audiences: ['orders'], jwks }] };

  it.each([
    ['a field is wrong', { issuers: [] }, 'config.issuers'],
    ['its handler has another version', { ...usable, [HANDLER_MEMBER]: '0.0.9' }, 'its handler has version 0.0.9'],
  ])('says for a health check that %s', (_, config, reason) => {
    expect(new Plugin(config).problem).toContain('the configuration is not usable: ');
    expect(new Plugin(config).problem).toContain(reason);
  });

  it.each([
    ['without a handler', {}],
    ['whose handler has no version', { [HANDLER_MEMBER]: null }],
  ])('is none %s', (_, handler) => {
    expect(new Plugin({ ...usable, ...handler }).problem).toBeUndefined();
  });
});
