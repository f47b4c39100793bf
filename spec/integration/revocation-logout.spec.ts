/** A real OpenID provider tells the plugin server that users log out; gateways refuse their tokens. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePorts } from '../support/kong-itself';
import { KongDouble } from '../support/kong-double';
import { OidcUser } from '../support/oidc-user';
import { type ServerProcess, startServer } from '../support/server-process';
import { signingKey, signToken } from '../support/tokens';

const PLUGIN = resolve(__dirname, '../../dist/plugin/jwt-identity');
const PROVIDER = resolve(__dirname, '../fixtures/logout-provider.mjs');

describe('a logout at the provider', () => {
  let folder: string;
  let provider: ChildProcess;
  let issuer: string;
  let flags: readonly string[];
  let logoutUri: string;
  let server: ServerProcess;
  let kong: KongDouble;
  let config: object;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'logout-'));
    const [providerPort, logoutPort] = await freePorts();
    issuer = `http://127.0.0.1:${providerPort}`;
    logoutUri = `http://127.0.0.1:${logoutPort}/backchannel-logout`;
    provider = spawn(process.execPath, [PROVIDER, String(providerPort), logoutUri], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(provider.stdout!, 'data');
    const [list, keys] = [{ file: join(folder, 'logged-out.json') }, { issuer, jwks_uri: `${issuer}/jwks` }];
    config = {
      issuers: [{ ...keys, audiences: ['orders-api'] }],
      revocation_lists: [list],
      identity_headers: [{ header: 'X-User-ID', claim: 'sub' }],
    };
    writeFileSync(
      join(folder, 'logout.yml'),
      JSON.stringify({ issuers: [{ ...keys, audiences: ['shop-app'] }], revocation_lists: [list] }),
    );
    writeFileSync(list.file, '{"iat":1,"revocations":[]}');
    flags = ['--plugin', PLUGIN, '--logout', `127.0.0.1:${logoutPort}`, '--logout-config', join(folder, 'logout.yml')];
    await start();
  }, 120_000);
  afterAll(async () => {
    await stop();
    provider.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  });

  const start = async (): Promise<void> => {
    server = await startServer('--workers', '2', ...flags);
    kong = new KongDouble(server.socketPath, 'jwt-identity');
  };
  const stop = async (): Promise<void> => {
    await kong.close();
    await server.stop();
  };
  const ask = async (token: string): Promise<string> => {
    const { status, body } = await kong.request(config, { host: 'shop', authorization: `Bearer ${token}` });
    return status === 200 ? 'proceed' : (JSON.parse(String(body)) as { code: string }).code;
  };
  const until = async (token: string, wanted: string): Promise<void> => {
    while ((await ask(token)) !== wanted) await new Promise((next) => setTimeout(next, 20));
  };

  it('ends nothing when somebody else signed the logout token, or when it is no logout token', async () => {
    const carol = new OidcUser(issuer, 'carol');
    const token = await carol.logIn();
    const [header, { sid, sub }] = token
      .split('.', 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as Record<string, string>) as [
      Record<string, string>,
      Record<string, string>,
    ];
    const iat = Math.floor(Date.now() / 1000);
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    const claims = { iss: issuer, aud: 'shop-app', iat, exp: iat + 120, jti: 'forged', sid: sid!, sub: sub!, events };
    const forged = await signToken(signingKey('RS256', header['kid']), claims, { typ: 'logout+jwt' });
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${forged.split('.')[1]!}.`;
    for (const each of [forged, unsigned, token]) {
      const response = await fetch(logoutUri, { method: 'POST', body: new URLSearchParams({ logout_token: each }) });
      expect(response.status).toBe(400);
    }
    // As long as a worker may take to look at the list.
    await new Promise((next) => setTimeout(next, 1_100));
    for (let again = 0; again < 10; again += 1) expect(await ask(token)).toBe('proceed');
  });

  it('ends the tokens of that session in every worker, not those of others, also after a restart', async () => {
    const [alice, aliceElsewhere, bob] = [
      new OidcUser(issuer, 'alice'),
      new OidcUser(issuer, 'alice'),
      new OidcUser(issuer, 'bob'),
    ];
    const tokens = [await alice.logIn(), await aliceElsewhere.logIn(), await bob.logIn()] as const;
    for (const token of tokens) expect(await ask(token)).toBe('proceed');
    await alice.logOut();
    await server.logged(/a provider ended tokens issuer=\S+ by=sid/);
    await until(tokens[0], 'token_revoked');
    // The other worker looks at the file at its next use, at the latest a second after its last one.
    const answers = new Set<string>();
    for (let again = 0; again < 20; again += 1) answers.add(await ask(tokens[1])).add(await ask(tokens[2]));
    expect([...answers]).toEqual(['proceed']);
    await stop();
    await start();
    expect(await ask(tokens[0])).toBe('token_revoked');
    expect(await ask(tokens[1])).toBe('proceed');
  }, 120_000);
});
