/** A WebSocket through each gateway, with frames: RFC 6455. */
import { createHash } from 'node:crypto';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { describeGateway } from '../../support/gateways/describe-gateway';
import { SHIPPED_GATEWAYS } from '../../support/gateways/shipped-gateways';
import { startUpgradingService, type UpgradingService } from '../../support/gateways/upgrading-service';

const NONCE = 'dGhlIHNhbXBsZSBub25jZQ==';
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const TEXT = 0x81;
const PATIENCE_MS = 20_000;

/** A short text as a frame; a client masks its own. */
function frame(text: string, isMasked: boolean): Buffer {
  const payload = Buffer.from(text);
  if (!isMasked) return Buffer.concat([Buffer.from([TEXT, payload.length]), payload]);
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([
    Buffer.from([TEXT, 0x80 | payload.length]),
    mask,
    payload.map((byte, index) => byte ^ mask[index % 4]!),
  ]);
}

/** The text of a short frame. */
function textOf(bytes: Buffer): string {
  const isMasked = (bytes[1]! & 0x80) !== 0;
  const [start, length] = [isMasked ? 6 : 2, bytes[1]! & 0x7f];
  const payload = bytes.subarray(start, start + length);
  return (isMasked ? payload.map((byte, index) => byte ^ bytes[2 + (index % 4)]!) : payload).toString();
}

for (const shipped of SHIPPED_GATEWAYS) {
  describeGateway(shipped, 'with a WebSocket', () => {
    let shop: UpgradingService;
    beforeAll(async () => {
      // Answers each frame with the caller and what it said.
      shop = await startUpgradingService(shipped, (headers, socket) => {
        const accept = createHash('sha1')
          .update(`${String(headers['sec-websocket-key'])}${GUID}`)
          .digest('base64');
        const head = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
        socket.write([...head, `Sec-WebSocket-Accept: ${accept}`, '', ''].join('\r\n'));
        socket.on('data', (bytes) => {
          socket.write(frame(`${String(headers['x-user-id'])} says ${textOf(bytes)}`, false));
        });
      });
    }, 60_000);
    afterAll(() => shop.stop());
    beforeEach(() => {
      shop.upgrades.length = 0;
      shop.requests.length = 0;
    });

    /** Asks for a WebSocket, says two things when it gets one, and returns what was answered. */
    const talk = (...lines: readonly string[]): Promise<{ status: number; heard: string[] }> =>
      new Promise((resolve, reject) => {
        const socket = connect(shop.gateway.port, shop.gateway.host);
        const heard: string[] = [];
        let [status, bytes] = [0, Buffer.alloc(0)];
        socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('nothing more came')));
        socket.on('error', reject);
        socket.on('close', () => {
          resolve({ status, heard });
        });
        const usual = ['GET /feed HTTP/1.1', 'Host: api.test', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
        const connection = lines.some((line) => line.startsWith('Connection:')) ? [] : ['Connection: Upgrade'];
        socket.write([...usual, `Sec-WebSocket-Key: ${NONCE}`, ...connection, ...lines, '', ''].join('\r\n'));
        socket.on('data', (chunk: Buffer) => {
          bytes = Buffer.concat([bytes, chunk]);
          if (status === 0) {
            const end = bytes.indexOf('\r\n\r\n');
            if (end < 0) return;
            status = Number(bytes.toString('latin1').split(' ', 2)[1]);
            bytes = bytes.subarray(end + 4);
            if (status === 101) socket.write(frame('hello', true));
          }
          if (status !== 101) {
            socket.destroy();
            return;
          }
          while (bytes.length >= 2 && bytes.length >= 2 + bytes[1]!) {
            heard.push(textOf(bytes));
            bytes = bytes.subarray(2 + bytes[1]!);
            if (heard.length === 2) socket.destroy();
            else socket.write(frame('again', true));
          }
        });
      });

    it('lets a caller with a token talk to the service, which knows who it is', async () => {
      const answer = await talk(`Authorization: Bearer ${shop.token}`);
      expect(answer).toEqual({ status: 101, heard: ['ada says hello', 'ada says again'] });
      expect(shop.upgrades).toHaveLength(1);
      expect(shop.upgrades[0]?.authorization ?? '').not.toContain(shop.token);
    });

    it('refuses a caller without a token, and the service hears nothing of it', async () => {
      expect(await talk()).toEqual({ status: 401, heard: [] });
      expect(await talk('X-User-ID: ada')).toMatchObject({ status: expect.any(Number), heard: [] });
      expect([shop.upgrades, shop.requests]).toEqual([[], []]);
    });

    it.each([
      ['a forged id', ['X-User-ID: root', 'x-user-id: root']],
      ['a Connection header that names the id', ['Connection: Upgrade, X-User-ID']],
    ])('lets nobody be somebody else with %s', async (_, lines) => {
      const { heard } = await talk(`Authorization: Bearer ${shop.token}`, ...lines);
      expect(heard.every((text) => text.startsWith('ada says '))).toBe(true);
      for (const headers of shop.upgrades) expect(headers['x-user-id']).toBe('ada');
      expect(shop.requests).toEqual([]);
    });
  });
}
