import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request as httpsRequest, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createGuard, gatewayCertificate } from '../../../src/guard/guard';
import { createAuthority, type Authority, type Certificate } from '../../support/certificates';

const GATEWAY = 'kong.shop.internal';

let folder: string;
let authority: Authority;
let stranger: Authority;
let server: Server;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'certificates-'));
  authority = createAuthority(folder, 'ca');
  stranger = createAuthority(folder, 'stranger');
  const listener = createGuard({ proofs: [gatewayCertificate(GATEWAY)] }).listener((_, response) => response.end('{}'));
  // A certificate that no CA vouches for must not end the handshake here: the guard has to look at it.
  const tls = { ...authority.issue('localhost'), ca: authority.cert, requestCert: true, rejectUnauthorized: false };
  server = createServer(tls, listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
}, 60_000);
afterAll(async () => {
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function statusWith(certificate: Partial<Certificate>): Promise<number | undefined> {
  const { port } = server.address() as AddressInfo;
  const options = { host: 'localhost', port, ca: authority.cert, agent: false, ...certificate };
  return new Promise((resolve, reject) => {
    httpsRequest(options, (response) => {
      response.resume().on('end', () => {
        resolve(response.statusCode);
      });
    })
      .on('error', reject)
      .end();
  });
}

describe('a service that knows its gateway by a certificate', () => {
  it.each<[string, () => Partial<Certificate>]>([
    ['the gateway’s certificate', () => authority.issue(GATEWAY)],
    ['the gateway’s name among several', () => authority.issue('x', `DNS:other.internal,DNS:${GATEWAY}`)],
  ])('accepts %s', async (_, certificate) => {
    expect(await statusWith(certificate())).toBe(200);
  });

  it.each<[string, () => Partial<Certificate>]>([
    ['no certificate', () => ({})],
    ['the gateway’s name from a CA that the service does not trust', () => stranger.issue(GATEWAY)],
    ['a certificate of the CA with another name', () => authority.issue('billing.internal')],
    ['the gateway’s name as common name, with another alternative name', () => authority.issue(GATEWAY, 'DNS:x.test')],
    ['the gateway’s name as common name, without alternative names', () => authority.issue(GATEWAY, '')],
    ['a wildcard that covers the gateway’s name', () => authority.issue('x', 'DNS:*.shop.internal')],
    ['the gateway’s name as a mail address', () => authority.issue('x', `email:a@${GATEWAY}`)],
  ])('rejects %s', async (_, certificate) => {
    expect(await statusWith(certificate())).toBe(403);
  });
});
