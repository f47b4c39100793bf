import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DEFAULT_BASE_PORT, portsFrom, type Ports } from './addresses';
import { DemoFailure, LOOPBACK } from './listen';

/** The folder of this repository: the nearest one above with a kong.yml. */
export const REPOSITORY = ((): string => {
  let folder = __dirname;
  while (!existsSync(join(folder, 'kong.yml'))) folder = dirname(folder);
  return folder;
})();

/** The kong.yml of the demo. */
export const SHIPPED_KONG_YML = join(REPOSITORY, 'kong.yml');

/**
 * Returns the text of a kong.yml, with these ports in the place of those that the shipped one names.
 *
 * @throws DemoFailure when it cannot be read
 */
export function readKongYml(file: string, ports: Pick<Ports, 'identityProvider' | 'orders' | 'admin'>): string {
  const named = portsFrom(DEFAULT_BASE_PORT);
  const portOf = new Map([
    [named.identityProvider, ports.identityProvider],
    [named.orders, ports.orders],
    [named.admin, ports.admin],
  ]);
  const address = new RegExp(`(?<=${LOOPBACK.replaceAll('.', '\\.')}:)\\d+`, 'g');
  return read(file).replace(address, (port) => String(portOf.get(Number(port)) ?? port));
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new DemoFailure(`${file}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown error'})`);
  }
}
