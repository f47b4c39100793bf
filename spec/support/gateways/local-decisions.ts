import type { AddressInfo } from 'node:net';
import { openDecisions, type OpenDecisions } from '../../../src/server/decisions/decisions';
import type { Stripping } from '../../../src/server/decisions/gateway';
import type { GatewayName } from '../../../src/server/decisions/gateways';
import { LOOPBACK } from '../../../src/server/decisions/peers';
import { metadataOfPolicies } from '../../../src/server/decisions/policy-metadata';
import { serveResourceMetadata } from '../../../src/server/endpoints/resource-metadata-endpoint';
import { closeServer } from '../echo-service';

/** A decision server in this process, whose one policy `orders` can be exchanged at once. */
export interface LocalDecisions {
  readonly address: { readonly host: string; readonly port: number };
  /** Where the metadata of `orders` are served. */
  readonly metadata: { readonly host: string; readonly port: number };
  /** Makes `orders` mean this configuration. @throws ConfigError */
  use(config: unknown): void;
  stop(): Promise<void>;
}

/** Starts one. */
export async function startLocalDecisions(gateway: GatewayName, stripping: Stripping): Promise<LocalDecisions> {
  const secret = '0123456789abcdef'.repeat(4);
  const config = { issuers: [{ issuer: 'https://nobody.test/', audiences: ['none'], algorithms: ['HS256'], secret }] };
  const logger = { log: () => undefined, isEnabled: () => false };
  const decisions: OpenDecisions = openDecisions(
    { orders: config },
    {
      gateway,
      stripping,
      peers: LOOPBACK,
      deadlineMs: 10_000,
      logger,
    },
  );
  const host = '127.0.0.1';
  await decisions.server.listen({ host, port: 0 });
  let documents = metadataOfPolicies({ orders: config });
  const endpoint = await serveResourceMetadata({ host, port: 0 }, (path) => documents.get(path), logger.log);
  return {
    address: { host, port: (decisions.server.address() as AddressInfo).port },
    metadata: { host, port: (endpoint.address() as AddressInfo).port },
    use: (other) => {
      decisions.use({ orders: other });
      documents = metadataOfPolicies({ orders: other });
    },
    stop: async () => {
      await Promise.all([decisions.server.drain(0), closeServer(endpoint)]);
    },
  };
}
