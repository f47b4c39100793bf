/** A tunnel in which a client speaks HTTP/2 to the service would let it write identity headers itself (RFC 9113 §3.1). */
import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeGateway } from '../../support/gateways/describe-gateway';
import { startGateway, type RunningGateway } from '../../support/gateways/gateway-process';
import { type LocalDecisions, startLocalDecisions } from '../../support/gateways/local-decisions';
import { SHIPPED_GATEWAYS } from '../../support/gateways/shipped-gateways';
import { rawGet, sendRaw } from '../../support/raw-http';
import { publicJwk, signingKey, signToken } from '../../support/tokens';

const key = signingKey('ES256', 'k1');
const CONFIG = {
  issuers: [{ issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
};

for (const shipped of SHIPPED_GATEWAYS) {
  describeGateway(shipped, 'with a request to change the protocol', () => {
    const upgrades: (string | undefined)[] = [];
    const sockets = new Set<Socket>();
    let service: Server;
    let decisions: LocalDecisions;
    let gateway: RunningGateway;
    let token: string;
    beforeAll(async () => {
      const exp = Math.floor(Date.now() / 1000) + 3_600;
      token = await signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', exp });
      service = createServer((_, response) => response.end());
      service.on('upgrade', ({ headers }, socket: Socket) => {
        upgrades.push(headers.upgrade);
        sockets.add(socket);
        socket.on('error', () => undefined);
        const head = ['HTTP/1.1 101 Switching Protocols', `Upgrade: ${headers.upgrade}`, 'Connection: Upgrade'];
        socket.end([...head, '', ''].join('\r\n'));
      });
      await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
      const { port } = service.address() as AddressInfo;
      decisions = await startLocalDecisions(shipped.name, shipped.strips);
      gateway = await startGateway(shipped, { decisions: decisions.address, service: { host: '127.0.0.1', port } });
      decisions.use(CONFIG);
    }, 60_000);
    afterAll(async () => {
      await gateway.stop();
      await decisions.stop();
      for (const socket of sockets) socket.destroy();
      service.closeAllConnections();
      service.close();
    });

    beforeEach(() => {
      upgrades.length = 0;
    });

    it.each([
      ['HTTP/2', ['Upgrade: h2c']],
      ['HTTP/2 in capital letters', ['Upgrade: H2C']],
      ['HTTP/2 by its other name', ['Upgrade: HTTP/2.0']],
      ['a WebSocket or HTTP/2', ['Upgrade: websocket, h2c']],
      ['a WebSocket or HTTP/2 in two lines', ['Upgrade: websocket', 'Upgrade: h2c']],
      ['HTTP/2 or a WebSocket in two lines', ['Upgrade: h2c', 'Upgrade: websocket']],
      ['TLS', ['Upgrade: TLS/1.3']],
    ])(
      'opens no tunnel to the service for a caller who asks for %s',
      async (_, lines) => {
        const settings = ['Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA'];
        for (const connection of [settings, ['Connection: Upgrade']]) {
          const request = rawGet('/orders', [`Authorization: Bearer ${token}`, ...lines, ...connection]);
          await sendRaw(gateway, request.replace('\r\nConnection: close', '')).catch(() => undefined);
        }
        expect(upgrades.filter((upgrade) => upgrade !== 'websocket')).toEqual([]);
      },
      60_000,
    );
  });
}
