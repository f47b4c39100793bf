import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { shellCommand, type PluginServerSettings } from './server-settings';

/**
 * Returns the settings for this package's own plugin server, as they would stand in Kong's configuration, but that it
 * ends with the process that starts it, also when that is killed.
 *
 * @param folder - where the socket goes
 * @param serveFlags - more arguments for `kong-jwt-identity serve`
 */
export function packagedServer(folder: string, serveFlags: readonly string[] = []): PluginServerSettings {
  const socket = join(folder, 'jwt_identity.socket');
  return {
    name: 'jwt_identity',
    socket,
    queryCommand: shellCommand([...command(), 'dump']),
    startCommand: shellCommand([...command(), 'serve', '--socket', socket, '--until-stdin-ends', ...serveFlags]),
  };
}

/** The built command of this package, also for specs, which run this file from its source. */
function command(): string[] {
  const candidates = ['../../../cli/main.js', '../../../../dist/src/cli/main.js'].map((path) =>
    resolve(__dirname, path),
  );
  const built = candidates.find((path) => existsSync(path));
  if (built === undefined) throw new Error(`${candidates.join(' or ')} is missing: npm run build`);
  return [process.execPath, built];
}
