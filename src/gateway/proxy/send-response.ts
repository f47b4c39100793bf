import type { ServerResponse } from 'node:http';
import { pipeline, type Duplex } from 'node:stream';
import type { ResponseHead } from '../exchange/exchange';
import { HeaderList } from '../http/header-list';
import type { ServiceResponse } from './service-client';

/**
 * Sends a response and resolves when it is over, with whether it reached its end. The content is bytes, or what a
 * service is still sending.
 */
export async function sendResponse(
  response: ServerResponse,
  { status, headers }: ResponseHead,
  content: Buffer | ServiceResponse,
): Promise<boolean> {
  if (Buffer.isBuffer(content)) {
    response.writeHead(status, headers.toRaw());
    return over(response, () => response.end(content));
  }
  const { statusText, body, upgraded } = content;
  if (upgraded !== null) {
    const head = new HeaderList([['Connection', 'upgrade'], ...headers.lines]);
    return joined(response, headBytes(status, statusText, head), upgraded.socket, upgraded.head);
  }
  response.writeHead(status, statusText, headers.toRaw());
  // Sends the head at once. Node's flushHeaders would encode its bytes a second time, as UTF-8.
  response.write(Buffer.alloc(0));
  return new Promise((resolve) => {
    pipeline(body, response, (error) => {
      resolve(!error);
    });
  });
}

/** Returns the head of a response as it goes over the wire: byte strings, one byte for each character. */
export function headBytes(status: number, statusText: string, headers: HeaderList): Buffer {
  const lines = headers.lines.map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`HTTP/1.1 ${status} ${statusText}\r\n${lines.join('')}\r\n`, 'latin1');
}

function over(response: ServerResponse, end: () => void): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (): void => {
      resolve(response.writableFinished);
    };
    response.once('finish', settle).once('close', settle);
    if (response.destroyed) settle();
    else end();
  });
}

/** Ties the client's connection and the service's together until either ends. */
function joined(response: ServerResponse, responseHead: Buffer, service: Duplex, head: Buffer): Promise<boolean> {
  const client = response.socket;
  if (client === null) {
    service.destroy();
    return Promise.resolve(false);
  }
  response.detachSocket(client);
  client.setTimeout(0);
  client.write(Buffer.concat([responseHead, head]));
  return new Promise((resolve) => {
    let open = 2;
    const close = (): void => {
      open -= 1;
      if (open === 0) resolve(true);
    };
    pipeline(client, service, close);
    pipeline(service, client, close);
  });
}
