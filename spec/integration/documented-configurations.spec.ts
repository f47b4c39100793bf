import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parseConfig } from '../../schema/parse-config';
import type { Config } from '../../schema/config';
import { claimSelector } from '../../src/core/claim-selector';
import { announceSigningKey } from '../../src/keys/signing-keys';
import { completed, documentedYaml, isForKong, type CompletedBlock } from '../support/documented-yaml';
import { type EchoService, type Received, startEchoService } from '../support/echo-service';
import { type Kong, startKong } from '../support/kong';
import { describeKong, kongTarget } from '../support/kong-target';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const key = signingKey('ES256', 'k1');
const jwks = JSON.stringify({ keys: [publicJwk(key)] });
// how-to.spec.ts runs the pages of docs/how-to as whole files.
const blocks = documentedYaml().filter(({ place }) => !place.startsWith(join('docs', 'how-to')));
const forKong = blocks.filter(isForKong).map((block) => [block.place, block] as const);
/** What the development gateway does not have: it says so and refuses the file. */
const needsKong = ({ content }: { readonly content: unknown }): boolean =>
  JSON.stringify(content).includes('"name":"proxy-cache"');
const tried = forKong.filter(([, block]) => kongTarget !== 'embedded' || !needsKong(block));
if (tried.length < forKong.length) {
  process.stderr.write(
    `SKIPPED: ${forKong.length - tried.length} documented configuration(s) need Kong itself (proxy-cache)\n`,
  );
}

/** What a client could send to pass for somebody else. */
const FORGED = {
  X_User_ID: 'evil',
  'X-User-Anything': 'evil',
  'X-Consumer-Username': 'evil',
  X_Consumer_Groups: 'evil',
  'X-Credential-Identifier': 'evil',
  'X-Anonymous-Consumer': 'false',
  X_Authenticated_Groups: 'evil',
  'X-Identity-Token': 'evil',
};

describeKong('every configuration in the README and in docs/', () => {
  let folder: string;
  let service: EchoService;
  let kong: Kong;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'documented-'));
    writeFileSync(join(folder, 'keys.json'), announceSigningKey('EdDSA'), { mode: 0o600 });
    service = await startEchoService();
    kong = await startKong({
      declarativeConfig: JSON.stringify({ _format_version: '3.0', services: [] }),
      serveFlags: ['--signing-keys', join(folder, 'keys.json')],
    });
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    await service.stop();
    rmSync(folder, { recursive: true });
  });

  it('is one that this spec finds', () => {
    expect(blocks.length).toBeGreaterThan(5);
    expect(forKong.map(([place]) => place.split(':')[0])).toEqual(
      expect.arrayContaining(['README.md', join('docs', 'AUTHORIZATION.md'), join('docs', 'HAND-OVER.md')]),
    );
  });

  it.each(tried)(
    'is loaded, lets callers pass who have what it names, and nobody else: %s',
    async (_, block) => {
      const written = completed(block, service.url, jwks);
      const config = parseConfig(written.config);
      await kong.reload(written.text);
      for (const { method, claims } of callers(config)) {
        const isTyped = config.issuers[0]!.tokenTypes.includes('at+jwt');
        const token = await signToken(key, claims, isTyped ? { typ: 'at+jwt' } : {});
        const { status, received } = await ask(written, method, { authorization: `Bearer ${token}`, ...FORGED });
        expect([method, status]).toEqual([method, 200]);
        expect(identityIn(received!)).toEqual(expectedIdentity(config));
      }
      const anonymous = await ask(written, 'GET', FORGED);
      expect(anonymous.status).toBe(config.allowMissing ? 200 : 401);
    },
    60_000,
  );

  async function ask({ path }: CompletedBlock, method: string, headers: Record<string, string>) {
    service.received.length = 0;
    const { status } = await fetch(kong.proxyUrl + path, { method, headers });
    return { status, received: service.received[0] };
  }
});

/**
 * For each rule one caller who has what it asks for, and with the method of the rule. Roles are in the claim that the
 * header with the roles shows, so that rules which read them elsewhere refuse the caller.
 */
function callers(config: Config): { method: string; claims: Record<string, unknown> }[] {
  const rules = config.authorize ?? [{ methods: null, roles: null, scopes: null, claims: null }];
  const header = config.identityHeaders.find((entry) => entry.header === 'X-User-Roles')?.claim ?? config.rolesClaim;
  const issuer = config.issuers[0]!;
  const shown = header === config.rolesClaim ? issuer.rolesClaims[0]! : header;
  return rules.map(({ methods, roles, scopes, claims }) => {
    const tenant = issuer.tenants?.[0] ?? 'acme';
    const token: Record<string, unknown> = {
      iss: issuer.issuer.replace(/\{\w+\}/, tenant),
      sub: 'ada',
      iat: Math.floor(Date.now() / 1000),
      exp: Math.floor(Date.now() / 1000) + 300,
    };
    const inHeaders = config.identityHeaders.filter(({ required }) => required).map(({ claim }) => claim);
    for (const claim of [...issuer.requiredClaims, issuer.callerClaims.at(-1)!, ...inHeaders]) {
      if (valueAt(token, claim) === undefined) put(token, claim, 'ada');
    }
    put(token, issuer.audienceClaim, issuer.audiences[0]);
    if (issuer.tenantClaim !== null) put(token, issuer.tenantClaim, tenant);
    const held = [roles?.[0] ?? 'admin'];
    // Zitadel's roles are the names of an object.
    put(token, shown, shown.startsWith('urn:zitadel') ? { [held[0]!]: { '1': 'acme.example.com' } } : held);
    if (scopes) put(token, issuer.scopesClaims[0]!, scopes.join(' '));
    for (const { claim, oneOf, matches } of [...issuer.conditions, ...(claims ?? [])]) {
      put(token, claim, oneOf?.[0] ?? matches?.[0]?.replaceAll('*', 'x') ?? 'x');
    }
    return { method: methods?.[0] ?? 'POST', claims: token };
  });
}

/** Sets a claim by its name or JSON Pointer. */
function put(claims: Record<string, unknown>, claim: string, value: unknown): void {
  const names = claim.startsWith('/') ? claim.slice(1).split('/') : [claim];
  let holder = claims;
  for (const name of names.slice(0, -1)) holder = (holder[name] ??= {}) as Record<string, unknown>;
  holder[names.at(-1)!] = value;
}

function valueAt(claims: Record<string, unknown>, claim: string): unknown {
  return claimSelector(claim)(claims);
}

/** Names by which the service could learn who is calling, folded as application servers fold them. */
function identityIn({ headers }: Received): string[] {
  const names = Object.keys(headers).map((name) => name.replaceAll('_', '-'));
  return names
    .filter((name) => /^x-(user|client|consumer|credential|anonymous|authenticated|identity)/.test(name))
    .sort();
}

function expectedIdentity({ identityHeaders, identityToken, authenticatedGroupsClaim }: Config): string[] {
  return [
    ...identityHeaders.map(({ header }) => header.toLowerCase()),
    ...(identityToken ? [identityToken.header.toLowerCase()] : []),
    ...(authenticatedGroupsClaim === null ? [] : ['x-authenticated-groups']),
  ].sort();
}
