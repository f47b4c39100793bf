import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Everything of the demo listens here and nowhere else, but for its parts in containers. */
export const LOOPBACK = '127.0.0.1';

/** Something that cannot be done, said in words for whoever typed the command. */
export class DemoFailure extends Error {
  override readonly name = 'DemoFailure';
}

/** A server that listens. */
export interface Listening {
  readonly port: number;
  /** Ends all connections and resolves when the port is free again. */
  stop(): Promise<void>;
}

/**
 * Listens on a port, 0 for any that is free.
 *
 * @param what - the server's name, for the message when it cannot
 * @param address - the address, {@link LOOPBACK} unless it is another
 * @throws DemoFailure when the port is taken or may not be used
 */
export async function listen(server: Server, port: number, what: string, address = LOOPBACK): Promise<Listening> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(listenFailure(error, port, what));
    });
    server.listen(port, address, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** Returns what to tell somebody whose port cannot be listened on; any other error as it is. */
export function listenFailure(error: NodeJS.ErrnoException, port: number, what: string): Error {
  if (error.code === 'EADDRINUSE') {
    return new DemoFailure(
      `${LOOPBACK}:${port} (${what}) is in use by another program. End that, or choose other ports: npm start -- --base-port 9000`,
    );
  }
  if (error.code === 'EACCES') return new DemoFailure(`${LOOPBACK}:${port} (${what}): this port may not be used`);
  return error;
}
