import { PLUGIN } from '../protocol/verdict';

/** @noSelf */
interface PluginServers {
  load_plugin(name: string): LuaMultiReturn<[found: boolean, plugin: ExternalPlugin]>;
}

let known: ExternalPlugin | undefined;

/**
 * Returns the plugin that runs in the plugin server, as Kong's own code would run it without this handler. Looked up at
 * the first request: Kong (3.0 to 3.9.3) has no `kong` in the main chunk of a handler.
 *
 * @throws when kong.conf names no plugin server for it
 */
export function pluginServer(): ExternalPlugin {
  if (known !== undefined) return known;
  const servers = require('kong.runloop.plugin_servers') as PluginServers;
  const [isFound, plugin] = servers.load_plugin(PLUGIN);
  known = assert(isFound ? plugin : undefined);
  return known;
}
