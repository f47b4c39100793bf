import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { publicJwk, signingKey, signToken } from '../tokens';
import { startGateway, type RunningGateway, type ShippedGateway } from './gateway-process';
import { startLocalDecisions } from './local-decisions';

/** A gateway before a service that changes protocols. */
export interface UpgradingService {
  readonly gateway: RunningGateway;
  /** A token for Ada. */
  readonly token: string;
  /** The headers of each request with `Upgrade` that reached the service. */
  readonly upgrades: IncomingHttpHeaders[];
  /** The path of each other request that did. */
  readonly requests: string[];
  stop(): Promise<void>;
}

/**
 * Starts a gateway as it is shipped, the decision server for it, and a service.
 *
 * @param change - answers a request with `Upgrade` over the connection that it came on
 */
export async function startUpgradingService(
  shipped: ShippedGateway,
  change: (headers: IncomingHttpHeaders, socket: Socket) => void,
): Promise<UpgradingService> {
  const key = signingKey('ES256', 'k1');
  const jwks = JSON.stringify({ keys: [publicJwk(key)] });
  const exp = Math.floor(Date.now() / 1000) + 3_600;
  const token = await signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', exp });
  const upgrades: IncomingHttpHeaders[] = [];
  const requests: string[] = [];
  const sockets = new Set<Socket>();
  const service = createServer(({ url = '' }, response) => {
    requests.push(url);
    response.end();
  });
  service.on('upgrade', ({ headers }, socket: Socket) => {
    upgrades.push(headers);
    sockets.add(socket);
    socket.on('error', () => undefined);
    change(headers, socket);
  });
  const port = await listen(service);
  const decisions = await startLocalDecisions(shipped.name, shipped.strips);
  const gateway = await startGateway(shipped, { decisions: decisions.address, service: { host: '127.0.0.1', port } });
  decisions.use({ issuers: [{ issuer: 'https://auth.test/', audiences: ['shop'], jwks }] });
  return {
    ...{ gateway, token, upgrades, requests },
    stop: async () => {
      await gateway.stop();
      await decisions.stop();
      for (const socket of sockets) socket.destroy();
      service.closeAllConnections();
      service.close();
    },
  };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
