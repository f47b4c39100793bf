import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Plugin } from '../../../plugin/jwt-identity/index';
import { HANDLER_MEMBER, PACKAGE_VERSION } from '../../../src/protocol/verdict';
import { pluginKong, type PluginAnswers, type RecordedCall } from '../../support/plugin-kong';
import { publicJwk, signingKey, signToken, type SigningKey } from '../../support/tokens';

const ISSUER = 'https://auth.example.com/';
let key: SigningKey;
let token: string;
beforeAll(async () => {
  key = signingKey('ES256', 'k');
  token = await signToken(key, { iss: ISSUER, sub: 'u1', aud: 'orders', exp: 4_000_000_000, roles: ['admin'] });
});

// What the plugin logs goes to stderr, which is Kong's error log.
const stderr = jest.spyOn(process.stderr, 'write').mockReturnValue(true);
afterAll(() => {
  stderr.mockRestore();
});

async function access(query: string, config: object = {}, answers: PluginAnswers = {}): Promise<RecordedCall[]> {
  const jwks = JSON.stringify({ keys: [publicJwk(key)] });
  const issuers = [{ issuer: ISSUER, audiences: ['orders'], jwks }];
  const plugin = new Plugin({ issuers, uri_param_names: ['access_token'], ...config });
  const variables: Readonly<Record<string, string>> = {
    ...{ request_uri: `/orders/7?${query}`, scheme: 'https', host: 'shop.test', server_port: '8443' },
  };
  const { kong, calls } = pluginKong({
    'request.getHeaders': () => Promise.resolve({}),
    'request.getMethod': () => Promise.resolve('GET'),
    'request.getRawQuery': () => Promise.resolve(query),
    'nginx.getVar': (name) => Promise.resolve(variables[String(name)]),
    ...answers,
  });
  await plugin.access(kong);
  return calls;
}
const argsOf = (calls: readonly RecordedCall[], method: string): readonly (readonly unknown[])[] =>
  calls.filter((call) => call.method === method).map(({ args }) => args);
const statusesOf = (calls: readonly RecordedCall[]): unknown[] =>
  argsOf(calls, 'response.exit').map(([status]) => status);
const hidden = (query: string): readonly (readonly unknown[])[] => [
  ['request.uri', `/orders/7${query}`],
  ['request.url', `https://shop.test:8443/orders/7${query}`],
];

describe.each([
  ['without the handler', {}],
  ['with the handler in Kong’s worker', { [HANDLER_MEMBER]: PACKAGE_VERSION, __plugin_id: 'p', __seq__: 1 }],
])('a token in the query, %s,', (_, handler) => {
  it('reaches neither the service nor what log plugins show', async () => {
    const calls = await access(`a=1&access_token=${token}&b=2`, handler);
    expect(argsOf(calls, 'service.request.setRawQuery')).toEqual([['a=1&b=2']]);
    expect(argsOf(calls, 'log.setSerializeValue')).toEqual(hidden('?a=1&b=2'));
    expect(argsOf(calls, 'response.exit')).toEqual([]);
    expect(JSON.stringify(calls)).not.toContain(token);
  });

  it('leaves no question mark where it was the whole query', async () => {
    const calls = await access(`access_token=${token}`, handler);
    expect(argsOf(calls, 'service.request.setRawQuery')).toEqual([['']]);
    expect(argsOf(calls, 'log.setSerializeValue')).toEqual(hidden(''));
  });

  it('is not shown by log plugins when the request is refused', async () => {
    const config = { ...handler, authorize: [{ roles: ['root'] }], log_decisions: 'none' };
    const calls = await access(`access_token=${token}&b=2`, config);
    expect(argsOf(calls, 'log.setSerializeValue')).toEqual(hidden('?b=2'));
    expect(JSON.stringify(calls)).toContain('forbidden');
    expect(JSON.stringify(calls)).not.toContain(token);
  });

  it('leaves a query without one as it is', async () => {
    const calls = await access('a=1', { ...handler, allow_missing: true });
    expect(argsOf(calls, 'service.request.setRawQuery')).toEqual([]);
    expect(argsOf(calls, 'log.setSerializeValue')).toEqual([]);
  });
});

it('refuses a request whose token cannot be taken out of the query, also when that fails while it is refused', async () => {
  const fault: PluginAnswers = { 'service.request.setRawQuery': () => Promise.reject(new Error('no')) };
  const passing = await access(`access_token=${token}`, {}, fault);
  expect(statusesOf(passing)).toEqual([500]);
  const refused = await access(`access_token=${token}`, { authorize: [{ roles: ['root'] }] }, fault);
  expect(statusesOf(refused)).toEqual([403]);
});
