/**
 * One part of the shop by itself, for a container: `node dist/examples/demo/part.js orders`. A service listens on every
 * address of the container and believes whoever connects: that only the gateway can is up to the container's network.
 */
import { DEFAULT_BASE_PORT, portsFrom } from './addresses';
import { startIdentityProvider } from './identity-provider/identity-provider';
import type { Listening } from './listen';
import { startNaiveService, type Pages } from './services/naive-service';
import { ADMIN_PAGES, ORDERS_PAGES } from './services/shop';

const ports = portsFrom(DEFAULT_BASE_PORT);

const PARTS: Readonly<Record<string, () => Promise<Listening>>> = {
  'identity-provider': () => startIdentityProvider(ports.identityProvider, Date.now, 'identity-provider'),
  orders: () => startService('orders', ports.orders, ORDERS_PAGES),
  admin: () => startService('admin', ports.admin, ADMIN_PAGES),
};

function startService(name: string, port: number, pages: Pages): Promise<Listening> {
  return startNaiveService({
    name,
    port,
    pages,
    listenAddress: '0.0.0.0',
    gatewayAddress: undefined,
    onReceipt: ({ method, target }) => process.stdout.write(`${method} ${target}\n`),
    onStranger: () => undefined,
  });
}

async function run(name = ''): Promise<void> {
  const part = PARTS[name];
  if (part === undefined) throw new Error(`${name}: it must be one of ${Object.keys(PARTS).join(', ')}`);
  const listening = await part();
  process.stdout.write(`${name} listens on port ${listening.port}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void listening.stop());
}

run(process.argv[2]).catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
