import { createServer } from 'node:net';
import { LOOPBACK } from './listen';

/** The ports that kong.yml names. */
export interface Ports {
  readonly gateway: number;
  readonly identityProvider: number;
  readonly orders: number;
  readonly admin: number;
  readonly page: number;
}

/** The first of the ports in kong.yml as shipped. */
export const DEFAULT_BASE_PORT = 8000;

/** Returns the ports that go with a base port; 0 for all of them means any that are free. */
export function portsFrom(base: number): Ports {
  const port = (distance: number): number => (base === 0 ? 0 : base + distance);
  return {
    gateway: port(0),
    identityProvider: port(10),
    orders: port(11),
    admin: port(12),
    page: port(13),
  };
}

/** The address that the gateway's connections come from. Linux has all of 127.0.0.0/8; macOS has 127.0.0.1 only. */
const GATEWAY_ADDRESS = '127.0.0.2';

/**
 * Returns an address of this machine for the gateway's connections to the services. {@link LOOPBACK} means that there
 * is no second one, and then the services cannot tell the gateway from anybody else on this machine.
 */
export function gatewayAddress(): Promise<string> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => {
      resolve(LOOPBACK);
    });
    probe.listen(0, GATEWAY_ADDRESS, () => {
      probe.close(() => {
        resolve(GATEWAY_ADDRESS);
      });
    });
  });
}
