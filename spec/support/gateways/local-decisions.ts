import type { AddressInfo } from 'node:net';
import { openDecisions, type OpenDecisions } from '../../../src/server/decisions/decisions';
import type { Stripping } from '../../../src/server/decisions/gateway';
import type { GatewayName } from '../../../src/server/decisions/gateways';
import { LOOPBACK } from '../../../src/server/decisions/peers';

/** A decision server in this process, whose one policy `orders` can be exchanged at once. */
export interface LocalDecisions {
  readonly address: { readonly host: string; readonly port: number };
  /** Makes `orders` mean this configuration. @throws ConfigError */
  use(config: unknown): void;
  stop(): Promise<void>;
}

/** Starts one. */
export async function startLocalDecisions(gateway: GatewayName, stripping: Stripping): Promise<LocalDecisions> {
  const secret = '0123456789abcdef'.repeat(4);
  const config = { issuers: [{ issuer: 'https://nobody.test/', audiences: ['none'], algorithms: ['HS256'], secret }] };
  const decisions: OpenDecisions = openDecisions(
    { orders: config },
    {
      gateway,
      stripping,
      peers: LOOPBACK,
      deadlineMs: 10_000,
      logger: { log: () => undefined, isEnabled: () => false },
    },
  );
  await decisions.server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = decisions.server.address() as AddressInfo;
  return {
    address: { host: '127.0.0.1', port },
    use: (other) => {
      decisions.use({ orders: other });
    },
    stop: () => decisions.server.drain(0),
  };
}
