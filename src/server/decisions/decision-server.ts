import { Server, type AddressInfo, type Socket } from 'node:net';
import type { Log } from '../../telemetry/log';
import { listen } from '../listening/listen';
import type { PendingDecisions } from './pending-decisions';

/** Where a decision server listens. */
export type DecisionAddress = { readonly path: string } | { readonly host: string; readonly port: number };

/** A server that answers gateways. */
export interface DecisionServer {
  /** Connections that are open. */
  readonly connectionCount: number;
  /** Where it listens; `null` before. */
  address(): AddressInfo | string | null;
  /** Starts to accept connections. @throws the error of `listen(2)` */
  listen(address: DecisionAddress): Promise<void>;
  /**
   * Accepts no connection any more and resolves when none is left: each is closed as soon as no request on it can stay
   * without an answer, and all after `maximumMs`, when the requests that are left are refused.
   */
  drain(maximumMs: number): Promise<void>;
}

/** Whether the other end of a connection may ask; see `peerFilter`. */
export type PeerFilter = (address: string | undefined, isUnixSocket: boolean) => boolean;

/** How long a gateway may take to send a request, in milliseconds. */
export const REQUEST_MS = 10_000;
const MAX_CONNECTIONS = 20_000;
/** More than the system allows: it cuts this to its own limit. */
const BACKLOG = 65_535;
/** How long the last refusals may take to be written, in milliseconds. */
const WRITE_MS = 250;

/**
 * Makes a decision server of a server of Node's that speaks some protocol.
 *
 * @param beginDrain - makes that protocol close each connection as soon as no request on it can stay without an answer
 */
export function decisionServer(
  server: Server,
  decisions: PendingDecisions,
  mayAsk: PeerFilter,
  log: Log,
  beginDrain: () => void,
): DecisionServer {
  const sockets = new Set<Socket>();
  let isUnixSocket = false;
  server.maxConnections = MAX_CONNECTIONS;
  server.prependListener('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => {
      sockets.delete(socket);
    });
    // A stranger learns nothing, not even which protocol this is.
    if (!mayAsk(socket.remoteAddress, isUnixSocket)) socket.destroy();
  });
  return {
    get connectionCount() {
      return sockets.size;
    },
    address: () => server.address(),
    async listen(address) {
      isUnixSocket = 'path' in address;
      await listen(server, { ...address, backlog: BACKLOG }, log);
    },
    drain: (maximumMs) =>
      new Promise((resolve) => {
        const limit = setTimeout(() => {
          decisions.failAll('the server was stopped');
          // A connection closes by itself when all on it is answered. Over gRPC an answer takes several turns to write.
          setTimeout(() => {
            for (const socket of sockets) socket.destroy();
          }, WRITE_MS);
        }, maximumMs);
        // What Node's servers of HTTP do beside this would end unused connections at once, and a gateway that sends a
        // request at that moment would have no answer.
        Server.prototype.close.call(server, () => {
          clearTimeout(limit);
          resolve();
        });
        beginDrain();
      }),
  };
}
