import type { Log } from '../../telemetry/log';
import type { PluginKind } from './plugin-kind';
import { externalKind } from './pluginsocket/external-kind';
import { ExternalPluginRunner } from './pluginsocket/external-plugin-runner';
import { queryPlugin } from './pluginsocket/plugin-query';
import { keepRunning, type ServerProcess } from './pluginsocket/server-process';
import type { PluginServerSettings } from './pluginsocket/server-settings';

/** The plugin servers of a gateway while they run. */
export interface PluginServers {
  /** The plugins that they have. */
  readonly kinds: readonly PluginKind[];
  /** Ends the connections and the processes that were started here, and resolves when they are gone. */
  stop(): Promise<void>;
}

/**
 * Asks every plugin server what it has, as Kong does, and starts those that have a start command. Resolves when they
 * accept connections, or after a while without them: requests are then answered with 500.
 *
 * @throws PluginServerError when one cannot be used
 */
export async function startPluginServers(settings: readonly PluginServerSettings[], log: Log): Promise<PluginServers> {
  const described = await Promise.all(settings.map(async (server) => ({ server, plugin: await queryPlugin(server) })));
  const runners: ExternalPluginRunner[] = [];
  const processes: ServerProcess[] = [];
  const kinds = described.map(({ server, plugin }) => {
    const runner = new ExternalPluginRunner(plugin.name, server.socket, log);
    runners.push(runner);
    if (server.startCommand !== null) processes.push(keepRunning(server, server.startCommand, log));
    return externalKind(plugin, runner);
  });
  const listening = await Promise.all(processes.map((running) => running.listening));
  if (listening.includes(false)) log('error', 'a plugin server does not accept connections; requests will get 500');
  return {
    kinds,
    stop: async () => {
      for (const runner of runners) runner.close();
      await Promise.all(processes.map((running) => running.stop()));
    },
  };
}
