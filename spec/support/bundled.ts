import { bundledPlugins } from '../../src/gateway/plugins/bundled/bundled-plugins';
import type { ConfiguredPlugin, PluginHost } from '../../src/gateway/plugins/plugin-kind';
import { declared, type Given } from './declared';
import { pluginHost } from './exchange';

/** Returns one of Kong's plugins with this configuration, bound to nothing. @throws ConfigurationError */
export function bundled(name: string, config: Given, host: PluginHost = pluginHost()): ConfiguredPlugin {
  const { plugins } = declared(JSON.stringify({ _format_version: '3.0', plugins: [{ name, config }] }));
  return bundledPlugins.find((kind) => kind.name === name)!.configure(plugins[0]!, host);
}
