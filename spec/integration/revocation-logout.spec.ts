/** A real OpenID provider tells the plugin server that users log out; gateways refuse their tokens. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { freePorts } from '../support/kong-itself';
import { KongDouble } from '../support/kong-double';
import { OidcUser } from '../support/oidc-user';
import { type ServerProcess, startServer } from '../support/server-process';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const PLUGIN = resolve(__dirname, '../../dist/plugin/jwt-identity');
const PROVIDER = resolve(__dirname, '../fixtures/logout-provider.mjs');

const LOGOUT_EVENT = 'http://schemas.openid.net/event/backchannel-logout';

describe('a logout at the provider', () => {
  const providerKey = signingKey('RS256', 'provider');
  let folder: string;
  let provider: ChildProcess;
  let issuer: string;
  let flags: readonly string[];
  let logoutUri: string;
  let server: ServerProcess;
  let kong: KongDouble;
  let config: object;
  let listPath: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'logout-'));
    const [providerPort, logoutPort] = await freePorts();
    issuer = `http://127.0.0.1:${providerPort}`;
    logoutUri = `http://127.0.0.1:${logoutPort}/backchannel-logout`;
    const jwk = JSON.stringify({ ...publicJwk(providerKey), ...providerKey.privateKey.export({ format: 'jwk' }) });
    provider = spawn(process.execPath, [PROVIDER, String(providerPort), logoutUri, jwk], {
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    await once(provider.stdout!, 'data');
    listPath = join(folder, 'logged-out.json');
    const [list, keys] = [{ file: listPath }, { issuer, jwks_uri: `${issuer}/jwks` }];
    config = {
      issuers: [{ ...keys, audiences: ['orders-api'] }],
      revocation_lists: [list],
      identity_headers: [{ header: 'X-User-ID', claim: 'sub' }],
    };
    writeFileSync(
      join(folder, 'logout.yml'),
      JSON.stringify({ issuers: [{ ...keys, audiences: ['shop-app'] }], revocation_lists: [list] }),
    );
    writeFileSync(listPath, '{"iat":1,"revocations":[]}');
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

  const claimsOf = (token: string): { readonly sid: string; readonly sub: string } =>
    JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as ReturnType<typeof claimsOf>;
  /** A logout token for the session of an access token. */
  const logoutToken = async (accessToken: string, events: unknown, key = providerKey): Promise<string> => {
    const { sid, sub } = claimsOf(accessToken);
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: issuer, aud: 'shop-app', iat, exp: iat + 120, jti: randomUUID(), sid, sub, events };
    return signToken(key, claims, { typ: 'logout+jwt' });
  };
  const send = (token: string): Promise<Response> =>
    fetch(logoutUri, { method: 'POST', body: new URLSearchParams({ logout_token: token }) });

  it.each([
    ['no event', undefined],
    ['the event of something else', { 'http://schemas.openid.net/event/other': {} }],
  ])(
    'ends nothing when a token that the provider signed has %s, and the session when it has that of a logout',
    async (...given) => {
      const token = await new OidcUser(issuer, 'dave').logIn();
      expect(await ask(token)).toBe('proceed');
      const refused = await send(await logoutToken(token, given[1]));
      expect([refused.status, await refused.json()]).toEqual([
        400,
        { error: 'invalid_request', error_description: 'events names no logout' },
      ]);
      expect(readFileSync(listPath, 'utf8')).not.toContain(claimsOf(token).sid);
      expect((await send(await logoutToken(token, { [LOGOUT_EVENT]: {} }))).status).toBe(200);
      expect(readFileSync(listPath, 'utf8')).toContain(claimsOf(token).sid);
      await until(token, 'token_revoked');
    },
  );

  it('ends nothing when somebody else signed the logout token, or when it is no logout token', async () => {
    const carol = new OidcUser(issuer, 'carol');
    const token = await carol.logIn();
    const events = { [LOGOUT_EVENT]: {} };
    const forged = await logoutToken(token, events, signingKey('RS256', 'provider'));
    const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${forged.split('.')[1]!}.`;
    for (const each of [forged, unsigned, token]) {
      expect((await send(each)).status).toBe(400);
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
    await server.logged(/a logout was written into the list issuer=\S+ by=sid/);
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
