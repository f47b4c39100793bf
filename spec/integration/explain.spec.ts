import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../support/server-process';
import { publicJwk, signingKey, signToken } from '../support/tokens';

describe('kong-jwt-identity explain', () => {
  let folder: string;
  let file: string;
  let token: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'explain-'));
    const key = signingKey('ES256', 'k1');
    const issuers = [{ issuer: 'i', audiences: ['a'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }];
    const remote = [{ issuer: 'i', audiences: ['a'], jwks_uri: 'http://127.0.0.1:1/jwks' }];
    const route = (name: string, config: object): object => ({
      name,
      paths: [`/${name}`],
      plugins: [{ name: 'jwt-identity', config }],
    });
    file = join(folder, 'kong.json');
    const routes = [
      route('any', { issuers }),
      route('admin', { issuers, authorize: [{ roles: ['admin'] }] }),
      route('remote', { issuers: remote }),
      { ...route('got', { issuers }), methods: ['GET'], paths: ['/any'] },
      { name: 'open', hosts: ['open.test'] },
    ];
    writeFileSync(file, JSON.stringify({ _format_version: '3.0', routes }));
    token = join(folder, 'token');
    const exp = Math.floor(Date.now() / 1000) + 600;
    writeFileSync(token, await signToken(key, { iss: 'i', aud: 'a', sub: 'u1', exp, roles: ['user'] }));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it.each([
    [0, 'a request that proceeds', ['--path', '/any'], /^decision +proceed$/m],
    [3, 'a request that is refused', ['--path', '/admin'], /^decision +refuse with 403 forbidden/m],
    [3, 'keys that cannot be had', ['--path', '/remote'], /^decision +refuse with 503 keys_unavailable/m],
    [
      0,
      'a request that other routes match too',
      ['--path', '/any'],
      /^not +any: would match too, but Kong asks later$/m,
    ],
    [
      1,
      'a request that an open route takes',
      ['--path', '/any', '-H', 'Host: open.test'],
      /although these match it too: got, any$/m,
    ],
    [1, 'a route that is not there', ['--path', '/none'], /^error: no route matches GET \/none/],
    [2, 'a call without a request', [], /^error: --route, --policy or --path is needed/],
  ])(
    'ends with %d for %s',
    async (code, _, args, said) => {
      const command = runCommand(['explain', file, '--token', token, ...args]);
      expect(await command.ended).toBe(code);
      expect(code === 0 || code === 3 ? command.stdout() : command.stderr()).toMatch(said);
    },
    60_000,
  );
});
