import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { listenAsSuccessor } from '../server/listening/listen';
import { describeError } from '../telemetry/describe-error';
import type { Log } from '../telemetry/log';
import type { ListenAddress } from './listen-address';

/**
 * Opens an endpoint of this process beside its server: at once or, when another server is being replaced, which serves the
 * same until it ends, as soon as that closes the address. It keeps no process going that serves nothing else.
 *
 * @param says - what the log says when it listens, and when it cannot
 * @throws the error of `listen(2)`, at once only
 */
export async function openEndpoint(
  says: { readonly open: string; readonly failed: string },
  { host, port }: ListenAddress,
  takesOver: boolean,
  log: Log,
  listen: () => Promise<Server>,
): Promise<void> {
  const open = async (): Promise<void> => {
    const server = await listen();
    server.unref();
    const address = server.address() as AddressInfo;
    log('notice', says.open, { address: address.address, port: address.port });
  };
  if (!takesOver) await open();
  else {
    listenAsSuccessor(open).catch((error: unknown) => {
      log('error', says.failed, { host, port, ...describeError(error) });
    });
  }
}
