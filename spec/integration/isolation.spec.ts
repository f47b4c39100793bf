import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createHttpsServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { createGuard, gatewayAddresses, gatewayCertificate, type GatewayProof } from '../../src/guard/guard';
import { gatewayIdentityToken } from '../../src/guard/identity-token';
import { readYaml } from '../../src/kong/declarative/yaml';
import { announceSigningKey, publicKeySet, readSigningKeys } from '../../src/keys/signing-keys';
import { createAuthority, type Authority, type Certificate } from '../support/certificates';
import { startKong, type Kong, type KongOptions } from '../support/kong';
import { describeKong, itOnlyKong } from '../support/kong-target';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const DOCUMENT = readFileSync(join(__dirname, '../../docs/ISOLATION.md'), 'utf8');
const caller = signingKey('ES256', 'k');

/** As much of a kong.yml as is changed here. */
interface KongFile {
  readonly services: Record<string, unknown>[];
  readonly plugins: { name: string; service?: string; config: Record<string, unknown> & { issuers: object[] } }[];
  readonly ca_certificates?: { cert: string }[];
}

/** The kong.yml that stands below a heading of the document, for a service and an issuer that are here. */
function documented(heading: string, url: string): KongFile {
  const [, section = ''] = DOCUMENT.split(`\n## ${heading}\n`);
  const [, yaml = ''] = /```yaml\n(_format_version[\s\S]*?)```/.exec(section) ?? [];
  const file = readYaml(yaml) as KongFile;
  file.services[0]!['url'] = url;
  const [issuer] = file.plugins[0]!.config.issuers;
  const jwks = JSON.stringify({ keys: [publicJwk(caller)] });
  file.plugins[0]!.config.issuers = [{ ...issuer, jwks_uri: null, jwks }];
  return file;
}

const FORGED = { 'X-User-ID': 'ada', 'X-User-Roles': 'admin' };
let authorization: string;
let folder: string;
const stops: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'isolation-'));
  // Kong's workers may be another user.
  chmodSync(folder, 0o755);
  const claims = { iss: 'https://auth.example.com/', aud: 'shop', sub: 'ada', roles: ['admin'], exp: 4_000_000_000 };
  authorization = `Bearer ${await signToken(caller, claims)}`;
});
afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
  rmSync(folder, { recursive: true });
});

async function listen(server: Server | ReturnType<typeof createHttpsServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  stops.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}
const guarded = (...proofs: [GatewayProof]): RequestListener =>
  createGuard({ proofs }).listener((_, response, identity) => response.end(JSON.stringify(identity ?? null)));
const serve = async (proof: GatewayProof): Promise<string> =>
  `http://127.0.0.1:${await listen(createServer(guarded(proof)))}`;

async function kongFor(file: unknown, options: Omit<KongOptions, 'declarativeConfig'>): Promise<Kong> {
  // JSON is YAML.
  const kong = await startKong({ declarativeConfig: JSON.stringify(file), ...options });
  stops.push(() => kong.stop());
  return kong;
}

/** Status and what a service, or Kong, answered. */
interface Answer {
  readonly status: number;
  readonly body: unknown;
}
async function get(url: string, headers: Readonly<Record<string, string>>): Promise<Answer> {
  const response = await fetch(url, { headers });
  return { status: response.status, body: await response.json() };
}
const ADA = { status: 200, body: { id: 'ada', roles: ['admin'] } };
const NOT_FROM_GATEWAY = { status: 403, body: { code: 'not_from_gateway' } };

describeKong('a service that only the gateway can reach', () => {
  const GATEWAY = '127.0.0.77';
  const urls = { network: '', signed: '' };
  let kong: Kong;
  beforeAll(async () => {
    const signingKeys = join(folder, 'signing-keys.json');
    const jwksFile = join(folder, 'jwks.json');
    const text = announceSigningKey('EdDSA');
    writeFileSync(signingKeys, text, { mode: 0o600 });
    writeFileSync(jwksFile, JSON.stringify(publicKeySet(readSigningKeys(text))));
    const token = { issuer: 'https://gateway.example.com', audience: 'orders', jwksFile };
    urls.signed = await serve(gatewayIdentityToken(token));
    urls.network = await serve(gatewayAddresses([GATEWAY]));
    const file = documented('Signed identity', urls.signed);
    const { issuers } = file.plugins[0]!.config;
    file.services.push(
      { name: 'network', url: urls.network, routes: [{ name: 'network', paths: ['/network'] }] },
      { name: 'forgotten', url: urls.signed, routes: [{ name: 'forgotten', paths: ['/forgotten'] }] },
    );
    file.plugins.push({ name: 'jwt-identity', service: 'network', config: { issuers } });
    kong = await kongFor(file, { serviceLocalAddress: GATEWAY, serveFlags: ['--signing-keys', signingKeys] });
  }, 120_000);

  it('by its address takes no forged direct call, whatever X-Forwarded-For says', async () => {
    expect(await get(`${kong.proxyUrl}/network`, { authorization })).toMatchObject(ADA);
    expect(await get(urls.network, FORGED)).toMatchObject(NOT_FROM_GATEWAY);
    const forwarded = { ...FORGED, 'X-Forwarded-For': GATEWAY, 'X-Real-IP': GATEWAY };
    expect(await get(urls.network, forwarded)).toMatchObject(NOT_FROM_GATEWAY);
  });

  it('by its signature takes no forged direct call, whatever token comes along', async () => {
    expect(await get(`${kong.proxyUrl}/orders`, { authorization })).toMatchObject(ADA);
    expect(await get(urls.signed, FORGED)).toMatchObject(NOT_FROM_GATEWAY);
    const token = { ...FORGED, 'X-Identity-Token': authorization.slice('Bearer '.length) };
    expect(await get(urls.signed, token)).toMatchObject(NOT_FROM_GATEWAY);
  });

  it('by its signature also keeps out who comes through a route without the plugin', async () => {
    expect(await get(`${kong.proxyUrl}/forgotten`, FORGED)).toMatchObject(NOT_FROM_GATEWAY);
  });
});

describeKong('mTLS', () => {
  let authority: Authority;
  let port: number;
  beforeAll(async () => {
    authority = createAuthority(folder, 'internal-ca');
    const { key, cert } = authority.issue('localhost');
    const tls = { key, cert, ca: authority.cert, requestCert: true, rejectUnauthorized: true };
    port = await listen(createHttpsServer(tls, guarded(gatewayCertificate('kong.internal'))));
  }, 60_000);

  /** Calls the service directly; `undefined` when the connection was refused. */
  function call(certificate: Partial<Certificate>): Promise<Answer | undefined> {
    const options = { host: 'localhost', port, ca: authority.cert, headers: FORGED, agent: false, ...certificate };
    return new Promise((resolve) => {
      httpsRequest(options, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as unknown });
        });
      })
        .on('error', () => {
          resolve(undefined);
        })
        .end();
    });
  }

  it('accepts the certificate of the gateway', async () => {
    expect(await call(authority.issue('kong.internal'))).toMatchObject(ADA);
  });

  it('accepts no connection without a certificate, or with one of another CA', async () => {
    expect(await call({})).toBeUndefined();
    expect(await call(createAuthority(folder, 'other-ca').issue('kong.internal'))).toBeUndefined();
  });

  it('refuses another name of the same CA', async () => {
    expect(await call(authority.issue('billing.internal'))).toMatchObject(NOT_FROM_GATEWAY);
    expect(await call(authority.issue('evil.kong.internal'))).toMatchObject(NOT_FROM_GATEWAY);
  });

  it('refuses whoever comes without TLS where TLS is not asked for', async () => {
    const url = await serve(gatewayCertificate('kong.internal'));
    expect(await get(url, FORGED)).toMatchObject(NOT_FROM_GATEWAY);
  });

  itOnlyKong('has no client certificates')('lets Kong in with its client certificate, and not without', async () => {
    const file = documented('mTLS', `https://localhost:${port}`);
    file.ca_certificates![0]!.cert = authority.cert;
    file.services.push({
      ...file.services[0],
      name: 'without',
      client_certificate: null,
      routes: [{ name: 'without', paths: ['/without'] }],
    });
    // Of both services.
    delete file.plugins[0]!.service;
    const { cert, key } = authority.issue('kong.internal');
    const kong = await kongFor(file, { environment: { GATEWAY_CERT: cert, GATEWAY_KEY: key } });
    expect(await get(`${kong.proxyUrl}/orders`, { authorization })).toMatchObject(ADA);
    expect(await get(`${kong.proxyUrl}/without`, { authorization })).toMatchObject({ status: 502 });
  });
});
