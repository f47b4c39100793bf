import { basename, dirname, join, resolve } from 'node:path';
import { packagedServer, type NativePluginServer } from '../../spec/support/kong-native';

const BENCH = resolve(__dirname, '..');

/** The plugin of this package under the name that it has on the stock plugin server. */
export const ON_STOCK = 'jwt-identity-on-stock';

/** The plugin servers of the rows, one for each plugin. One worker of Kong's gets one process of each. */
export function pluginServers(): NativePluginServer[] {
  const flags = ['--workers', '1'];
  const script = (plugin: string, query: string, start: (socket: string) => string): NativePluginServer => ({
    plugin,
    queryCommand: `"${process.execPath}" ${query}`,
    startCommand: (socket) => `"${process.execPath}" ${start(socket)}`,
  });
  const floor = join(BENCH, 'floor/plugin-server.js');
  const stock = `"${join(BENCH, '../node_modules/kong-pdk/bin/kong-js-pluginserver')}" -d "${join(BENCH, 'gateway/stock')}"`;
  return [
    packagedServer(flags),
    packagedServer(flags, 'no-op', join(BENCH, 'plugins/no-op')),
    packagedServer(flags, 'same-calls', join(BENCH, 'gateway/same-calls')),
    script('floor', `"${floor}" dump`, (socket) => `"${floor}" serve "${socket}"`),
    script(
      ON_STOCK,
      `${stock} --dump-all-plugins`,
      (socket) => `${stock} --kong-prefix "${dirname(socket)}" --sock-name "${basename(socket)}"`,
    ),
  ];
}
