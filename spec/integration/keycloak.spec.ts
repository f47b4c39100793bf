import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { parse } from 'yaml';
import { type EchoService, type Received, startEchoService } from '../support/echo-service';
import { freePort } from '../support/free-port';
import { describeKeycloak, Keycloak } from '../support/keycloak';
import type { KeycloakRealm } from '../support/keycloak-realm';
import { type Kong, startKong } from '../support/kong';
import { kongTarget } from '../support/kong-target';
import { BROWSER_ABSENCE, itSignsIn, type LoginPages } from '../support/shop-logins';
import { inKeycloak } from '../support/shop-provider';

const PAGE = readFileSync(join(__dirname, '../../docs/providers/keycloak.md'), 'utf8');

// A JVM that starts beside other specs takes its time.
jest.setTimeout(180_000);

interface File {
  readonly plugins: readonly { readonly config: { readonly issuers: readonly object[] } }[];
}

/** Needs the build. */
describeKeycloak('a real Keycloak, with the configurations of docs/providers/keycloak.md', () => {
  let folder: string;
  let keycloak: Keycloak;
  let realm: KeycloakRealm;
  let partners: KeycloakRealm;
  let service: EchoService;
  let kong: Kong;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'keycloak-'));
    const logoutPort = await freePort();
    [keycloak, service] = await Promise.all([Keycloak.start(), startEchoService()]);
    realm = await keycloak.importRealm('127.0.0.1', { gateway: `http://127.0.0.1:${logoutPort}` });
    partners = await keycloak.importRealm('127.0.0.1', { realm: 'partners' });
    writeFileSync(join(folder, 'logged-out.json'), '{"iat":1,"revocations":[]}', { mode: 0o600 });

    /** The YAML blocks of a section of the page, with the addresses of this run. */
    const blocks = (heading: string): unknown[] => {
      const section = PAGE.split(/^#+ /m).find((text) => text.startsWith(`${heading}\n`)) ?? '';
      return [...section.matchAll(/^```yaml\n([^]*?)^```$/gm)].map(([, yaml = '']): unknown =>
        parse(
          yaml
            .replaceAll('https://auth.example.com/realms/shop', realm.issuer)
            .replaceAll('https://auth.example.com', new URL(realm.issuer).origin)
            .replaceAll('/var/lib/kong-jwt-identity', folder),
        ),
      );
    };
    const route = (name: string, heading: string, more = {}): object => {
      const { config } = (blocks(heading)[0] as File).plugins[0]!;
      // The cooldown lets a new key be found at once.
      const issuers = config.issuers.map((issuer) => ({ ...issuer, key_fetch: { cooldown: 1 }, ...more }));
      return { name, paths: [`/${name}`], plugins: [{ name: 'jwt-identity', config: { ...config, issuers } }] };
    };
    writeFileSync(join(folder, 'logout.yml'), JSON.stringify(blocks('Logout')[1]));
    const logout = ['--logout', `127.0.0.1:${logoutPort}`, '--logout-config', join(folder, 'logout.yml')];
    kong = await startKong({
      declarativeConfig: JSON.stringify({
        _format_version: '3.0',
        services: [
          {
            name: 'orders',
            url: service.url,
            routes: [
              route('preset', 'Keycloak'),
              route('for-the-app', 'Keycloak', { audiences: ['shop-app', realm.issuer] }),
              route('roles', 'Roles of a client'),
              route('clients', 'Only some clients'),
              route('machines', 'Machines'),
              route('sessions', 'Logout'),
              route('realms', 'Several realms'),
            ],
          },
        ],
      }),
      ...(kongTarget !== 'docker' && { serveFlags: logout }),
    });
    // The first start of an unpacked Keycloak prepares it, which takes half a minute more.
  }, 300_000);
  afterAll(async () => {
    await Promise.all([kong.stop(), service.stop(), keycloak.stop()]);
    rmSync(folder, { recursive: true });
  });

  const call = (path: string, token: string): Promise<Response> =>
    fetch(`${kong.proxyUrl}${path}`, { headers: { authorization: `Bearer ${token}` } });
  /** What the service was told about the caller. */
  const told = async (path: string, token: string): Promise<Record<string, string[]>> => {
    const response = await call(path, token);
    const { headers } = (await response.json()) as Partial<Received>;
    if (headers === undefined) throw new Error(`refused: ${response.status}`);
    return Object.fromEntries(
      Object.entries(headers)
        .filter(([name]) => /^x-(user|client)-/.test(name))
        .map(([name, values]) => [name, values.flatMap((value) => value.split(','))]),
    );
  };
  const refusal = async (path: string, token: string): Promise<[number, unknown]> => {
    const response = await call(path, token);
    return [response.status, ((await response.json()) as { code?: string }).code];
  };
  /** A new key is looked for once a second, by each worker process. */
  const until = async (path: string, token: string, status: number): Promise<Response> => {
    for (;;) {
      const response = await call(path, token);
      if (response.status === status) return response;
      await response.text();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };

  it('lets a user who logged in call, and tells the service her id and her roles of the realm', async () => {
    const { tokens } = await realm.logIn('alice');
    const { 'x-user-id': id, 'x-user-roles': roles } = await told('/preset', tokens.access_token);
    expect(id).toEqual([realm.idOf('alice')]);
    expect(roles).toContain('user');
    expect(roles).not.toContain('admin');
  });

  it('rejects the ID token and the refresh token of the same login, also where their audience is accepted', async () => {
    const { tokens } = await realm.logIn('alice');
    expect(await refusal('/preset', tokens.id_token)).toEqual([401, 'audience_not_accepted']);
    expect(await refusal('/for-the-app', tokens.id_token)).toEqual([401, 'claim_invalid']);
    expect(await refusal('/for-the-app', tokens.refresh_token)).toEqual([401, 'token_untrusted']);
  });

  it('reads the roles of a client too, where the entry names them', async () => {
    const [alice, carol] = [await realm.logIn('alice'), await realm.logIn('carol')];
    expect(await refusal('/roles', alice.tokens.access_token)).toEqual([403, 'forbidden']);
    const { 'x-user-roles': roles } = await told('/roles', carol.tokens.access_token);
    expect(roles).toEqual(expect.arrayContaining(['admin', 'approver']));
  });

  it('lets a client call on its own, and tells the service which', async () => {
    const { access_token: token } = await realm.clientTokens('importer');
    const { 'x-user-id': id, 'x-client-id': client } = await told('/machines', token);
    expect(id).toEqual([decodeJwt(token).sub]);
    expect(client).toEqual(['importer']);
  });

  it('rejects the token of a client that was not given the audience', async () => {
    const { access_token: token } = await realm.clientTokens('newsletter');
    expect(await refusal('/preset', token)).toEqual([401, 'audience_not_accepted']);
  });

  it('rejects a token that another client got for a user with a role of the API, where the entry names the clients', async () => {
    const [{ tokens }, elsewhere] = [await realm.logIn('carol'), await realm.logIn('carol', 'newsletter')];
    // Keycloak adds the audience because of the role.
    expect((await call('/preset', elsewhere.tokens.access_token)).status).toBe(200);
    expect(await refusal('/clients', elsewhere.tokens.access_token)).toEqual([401, 'claim_invalid']);
    expect((await call('/clients', tokens.access_token)).status).toBe(200);
    const withoutRole = await realm.logIn('alice', 'newsletter');
    expect(await refusal('/preset', withoutRole.tokens.access_token)).toEqual([401, 'audience_not_accepted']);
  });

  it('tells the users of two realms apart, with the keys of each', async () => {
    const [ours, theirs] = [await realm.logIn('carol'), await partners.logIn('carol')];
    expect((await told('/realms', ours.tokens.access_token))['x-user-id']).toEqual([`shop/${realm.idOf('carol')}`]);
    expect((await told('/realms', theirs.tokens.access_token))['x-user-id']).toEqual([
      `partners/${partners.idOf('carol')}`,
    ]);
    expect((await refusal('/preset', theirs.tokens.access_token))[0]).toBe(401);
  });

  (kongTarget === 'docker' ? it.skip : it)('ends the tokens of a session that logs out, and of no other', async () => {
    const [ended, other] = [await realm.logIn('alice'), await realm.logIn('alice')];
    for (const { tokens } of [ended, other]) expect((await call('/sessions', tokens.access_token)).status).toBe(200);
    expect(await ended.logOut()).toBe('https://app.example.com/');
    const refused = await until('/sessions', ended.tokens.access_token, 401);
    expect(((await refused.json()) as { code?: string }).code).toBe('token_revoked');
    expect((await call('/sessions', other.tokens.access_token)).status).toBe(200);
  });

  it('accepts tokens of a new key at once, and drops those of a key that is published no longer', async () => {
    const before = (await realm.logIn('alice')).tokens.access_token;
    expect((await call('/preset', before)).status).toBe(200);
    await realm.rotate();
    const after = (await realm.logIn('alice')).tokens.access_token;
    expect(decodeProtectedHeader(after).kid).not.toBe(decodeProtectedHeader(before).kid);
    await until('/preset', after, 200);
    expect((await call('/preset', before)).status).toBe(200);

    await realm.rotate();
    await realm.forget();
    const latest = (await realm.logIn('alice')).tokens.access_token;
    await until('/preset', latest, 200);
    const refused = await until('/preset', before, 401);
    expect(((await refused.json()) as { code?: string }).code).toBe('token_untrusted');
  });

  const pages: LoginPages = {
    startProvider: inKeycloak(() => keycloak),
    isAsking: (page) => page.locator('#username').waitFor(),
    signIn: async (page, user) => {
      await page.locator('#username').fill(user);
      await page.locator('#password').fill(user);
      await page.locator('#kc-login').click();
    },
    confirmSignOut: () => Promise.resolve(),
    hasLongTokens: true,
  };
  const specs = (): void => {
    itSignsIn(pages);
  };
  // The BFF is the same whichever gateway this runs on.
  const problem = kongTarget === 'embedded' ? BROWSER_ABSENCE : 'it needs no Kong';
  const title = 'a browser at the Next.js BFF';
  if (problem === undefined) describe(title, specs);
  else describe.skip(`${title} (${problem})`, specs);
});
