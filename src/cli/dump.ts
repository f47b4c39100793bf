import { writeSync } from 'node:fs';
import { Command } from 'commander';
import { describePlugin, loadPlugin, PluginModuleError } from '../server/pluginserver/plugin-module';
import { CommandFailure } from './command-failure';
import { pluginOption } from './plugin-option';

/**
 * `dump`: prints what Kong's query command must print, and nothing else on stdout. Kong 3.9.3 fails to start when
 * anything else is there.
 */
export function dumpCommand(): Command {
  return new Command('dump')
    .description('print the plugin as JSON, for pluginserver_<name>_query_cmd')
    .addOption(pluginOption())
    .action(({ plugin }: { readonly plugin: string }) => {
      // Whatever a module prints while it loads goes where it cannot harm.
      process.stdout.write = process.stderr.write.bind(process.stderr);
      try {
        writeSync(1, `${JSON.stringify(describePlugin(loadPlugin(plugin)))}\n`);
      } catch (error) {
        throw error instanceof PluginModuleError ? new CommandFailure(error.message) : error;
      }
    });
}
