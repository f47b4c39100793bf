import { createConnection } from 'node:net';
import { encodeFrames, FrameDecoder } from '../../protocol/frame';
import { decode, encode } from '../../protocol/message';
import { rpcCall, rpcReturn } from '../../protocol/rpc-messages';

/**
 * Asks the plugin server on a socket for its plugins' names, as Kong could. An accepted connection alone proves
 * nothing: the system accepts it also when every worker is stuck.
 *
 * @param timeoutMs - how long the whole exchange may take, in milliseconds
 * @throws Error when nobody answers, or not in the protocol
 */
export function askForPluginNames(socketPath: string, timeoutMs: number): Promise<readonly string[]> {
  return new Promise((resolve, reject) => {
    const decoder = new FrameDecoder();
    const socket = createConnection(socketPath, () => {
      socket.write(encodeFrames([encode(rpcCall, { sequence: 1, getPluginNames: {} })]));
    });
    const timer = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      reject(new Error('the connection was closed without an answer'));
    });
    socket.on('data', (chunk: Buffer) => {
      try {
        const [payload] = decoder.push(chunk);
        if (payload === undefined) return;
        resolve(decode(rpcReturn, payload).pluginNames?.names ?? []);
        socket.destroy();
      } catch {
        socket.destroy(new Error('the answer is not one of a plugin server'));
      }
    });
  });
}
