/** A tunnel in which a client speaks HTTP/2 to the service would let it write identity headers itself (RFC 9113 §3.1). */
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeGateway } from '../../support/gateways/describe-gateway';
import { SHIPPED_GATEWAYS } from '../../support/gateways/shipped-gateways';
import { startUpgradingService, type UpgradingService } from '../../support/gateways/upgrading-service';
import { rawGet, sendRaw } from '../../support/raw-http';

for (const shipped of SHIPPED_GATEWAYS) {
  describeGateway(shipped, 'with a request to change the protocol', () => {
    let shop: UpgradingService;
    beforeAll(async () => {
      shop = await startUpgradingService(shipped, ({ upgrade }, socket) => {
        const head = ['HTTP/1.1 101 Switching Protocols', `Upgrade: ${upgrade}`, 'Connection: Upgrade'];
        socket.end([...head, '', ''].join('\r\n'));
      });
    }, 60_000);
    afterAll(() => shop.stop());
    beforeEach(() => {
      shop.upgrades.length = 0;
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
          const request = rawGet('/orders', [`Authorization: Bearer ${shop.token}`, ...lines, ...connection]);
          await sendRaw(shop.gateway, request.replace('\r\nConnection: close', '')).catch(() => undefined);
        }
        expect(shop.upgrades.filter(({ upgrade }) => upgrade !== 'websocket')).toEqual([]);
      },
      60_000,
    );
  });
}
