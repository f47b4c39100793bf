import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { shellCommand, type PluginServerSettings } from './server-settings';

/**
 * Returns the settings for this package's own plugin server, as they would stand in Kong's configuration.
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
    startCommand: shellCommand([...command(), 'serve', '--socket', socket, ...serveFlags]),
  };
}

/** The command of this package: built, or straight from its sources. */
function command(): string[] {
  const built = resolve(__dirname, '../../cli/main.js');
  if (existsSync(built)) return [process.execPath, built];
  const source = resolve(__dirname, '../../cli/main.ts');
  return [process.execPath, '--require', require.resolve('ts-node/register/transpile-only'), source];
}
