import { createConnection } from 'node:net';
import { encodeFrames, FrameDecoder } from '../../protocol/frame';
import { decode, encode } from '../../protocol/message';
import { rpcCall, rpcReturn } from '../../protocol/rpc-messages';
import { requireTrustedSocket } from './socket-path';

/** What one process of a plugin server says of itself. */
export interface ServerHealth {
  /** Names of the plugins that it serves. */
  readonly plugins: readonly string[];
  /**
   * For each instance that this process holds, the version of the handler inside Kong's worker in front of it; `''` for
   * none. Empty until the process has served a request.
   */
  readonly handlers: readonly string[];
  /** Why entries of the plugin refuse every request; of those that this process holds, each sentence once. */
  readonly problems: readonly string[];
}

/**
 * Asks the plugin server on a socket what it serves, as Kong could. An accepted connection alone proves nothing: the
 * system accepts it also when every worker is stuck. An answer alone proves nothing either, because anybody can give it:
 * who listens follows from whose the socket is.
 *
 * @param timeoutMs - how long the whole exchange may take, in milliseconds
 * @throws SocketPathError when another user may be listening; Error when nobody answers, or not in the protocol
 */
export async function askForHealth(socketPath: string, timeoutMs: number): Promise<ServerHealth> {
  requireTrustedSocket(socketPath);
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
        const { names = [], handlers = [], problems = [] } = decode(rpcReturn, payload).pluginNames ?? {};
        resolve({ plugins: names, handlers, problems });
        socket.destroy();
      } catch {
        socket.destroy(new Error('the answer is not one of a plugin server'));
      }
    });
  });
}
