/** Where clients get a token (RFC 9728), through each gateway; and that no gateway takes what it finds there for a permission. */
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { startEchoService, type EchoService } from '../../support/echo-service';
import { describeGateway } from '../../support/gateways/describe-gateway';
import { startGateway, type RunningGateway } from '../../support/gateways/gateway-process';
import { type LocalDecisions, startLocalDecisions } from '../../support/gateways/local-decisions';
import { SHIPPED_GATEWAYS } from '../../support/gateways/shipped-gateways';
import { sendRaw, type RawResponse } from '../../support/raw-http';
import { publicJwk, signingKey } from '../../support/tokens';

const DOCUMENT_PATH = '/.well-known/oauth-protected-resource/orders';
const jwks = JSON.stringify({ keys: [publicJwk(signingKey('ES256', 'k1'))] });
const configOf = (resource: string): object => ({
  issuers: [{ issuer: 'https://auth.test/', audiences: [resource], jwks }],
  resource_metadata: { resource },
});

/** Paths that a gateway may take for the document's, and a service for another. */
const NEIGHBOURS = [
  '/.well-known/oauth-protected-resource/../../orders',
  '/.well-known/oauth-protected-resource/%2e%2e/%2e%2e/orders',
  '/.well-known/oauth-protected-resource/..%2f..%2forders',
  '/.well-known/oauth-protected-resource/..;/..;/orders',
  '/.well-known/oauth-protected-resource/..\\..\\orders',
  '/.well-known/oauth-protected-resource-of-another/orders',
  '/.WELL-KNOWN/oauth-protected-resource/orders',
  '//.well-known/oauth-protected-resource/orders',
  '/orders/../.well-known/oauth-protected-resource/orders',
  '/orders?/.well-known/oauth-protected-resource/orders',
  '/orders#/.well-known/oauth-protected-resource/orders',
];

for (const shipped of SHIPPED_GATEWAYS) {
  describeGateway(shipped, 'with resource metadata', () => {
    let service: EchoService;
    let decisions: LocalDecisions;
    let gateway: RunningGateway;
    let resource: string;
    beforeAll(async () => {
      service = await startEchoService();
      decisions = await startLocalDecisions(shipped.name, shipped.strips);
      gateway = await startGateway(shipped, {
        decisions: decisions.address,
        metadata: decisions.metadata,
        service: { host: '127.0.0.1', port: service.port },
      });
      resource = `http://${gateway.host}:${gateway.port}/orders`;
      decisions.use(configOf(resource));
    }, 60_000);
    afterAll(async () => {
      await gateway.stop();
      await decisions.stop();
      await service.stop();
    });

    it('names a document in its challenge, which a client without a token gets from there', async () => {
      const refused = await fetch(resource);
      const challenge = refused.headers.get('www-authenticate') ?? '';
      const [, url = ''] = /resource_metadata="([^"]+)"/.exec(challenge) ?? [];
      expect([refused.status, url]).toEqual([401, `http://${gateway.host}:${gateway.port}${DOCUMENT_PATH}`]);
      const response = await fetch(`${url}?from=a+page`);
      expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
      expect(await response.json()).toEqual({
        resource,
        authorization_servers: ['https://auth.test/'],
        bearer_methods_supported: ['header'],
      });
    });

    it('answers a page of another origin that asks whether it may read the document', async () => {
      const headers = { origin: 'https://page.test', 'access-control-request-method': 'GET' };
      const response = await fetch(`http://${gateway.host}:${gateway.port}${DOCUMENT_PATH}`, {
        method: 'OPTIONS',
        headers,
      });
      expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
    });

    it.each([...NEIGHBOURS.map((target) => ['GET', target]), ['POST', DOCUMENT_PATH], ['TRACE', DOCUMENT_PATH]])(
      'lets no request without a token reach the service by %s %s',
      async (method, target) => {
        const before = service.received.length;
        const text = `${method} ${target} HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n`;
        await sendRaw(gateway, text).catch(() => undefined);
        expect(service.received.slice(before)).toEqual([]);
      },
    );
  });

  describeGateway(shipped, 'whose file asks at a wrong target of the decision server', () => {
    it.each([
      ['the health of a worker', '/?health'],
      ['a document of RFC 9728', DOCUMENT_PATH],
    ])(
      'takes %s for no permission',
      async (_, target) => {
        const service = await startEchoService();
        const decisions = await startLocalDecisions(shipped.name, shipped.strips);
        decisions.use(configOf('https://api.test/orders'));
        const addresses = { decisions: decisions.address, service: { host: '127.0.0.1', port: service.port } };
        const edit = (text: string): string => shipped.asksAt(text, target);
        const gateway = await startGateway(shipped, addresses, edit, 'any');
        try {
          // Without `path_prefix`, Envoy asks at the client's own target.
          const path = shipped.name === 'envoy' ? target : '/orders';
          const ask = (): Promise<RawResponse | undefined> =>
            sendRaw(gateway, `GET ${path} HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n`);
          let answer = await ask();
          // Traefik, before it has read its file.
          while (answer?.body === '404 page not found\n') answer = await ask();
          expect(answer?.status).toBeGreaterThanOrEqual(400);
          expect(service.received).toEqual([]);
        } finally {
          await gateway.stop();
          await decisions.stop();
          await service.stop();
        }
      },
      60_000,
    );
  });
}
