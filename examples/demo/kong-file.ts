import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DEFAULT_BASE_PORT, portsFrom, type Ports } from './addresses';
import { LOOPBACK } from './listen';

/** The folder of this repository: the nearest one above with a kong.yml. */
export const REPOSITORY = ((): string => {
  let folder = __dirname;
  while (!existsSync(join(folder, 'kong.yml'))) folder = dirname(folder);
  return folder;
})();

/** Returns the repository's kong.yml, with these ports in the place of those that it names. */
export function kongYml(ports: Pick<Ports, 'identityProvider' | 'orders' | 'admin'>): string {
  const named = portsFrom(DEFAULT_BASE_PORT);
  const portOf = new Map([
    [named.identityProvider, ports.identityProvider],
    [named.orders, ports.orders],
    [named.admin, ports.admin],
  ]);
  const address = new RegExp(`(?<=${LOOPBACK.replaceAll('.', '\\.')}:)\\d+`, 'g');
  return readFileSync(join(REPOSITORY, 'kong.yml'), 'utf8').replace(address, (port) =>
    String(portOf.get(Number(port)) ?? port),
  );
}
