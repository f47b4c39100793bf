import { Command } from 'commander';
import { askForPluginNames } from '../server/pluginserver/health';
import { CommandFailure } from './command-failure';

/** How long a healthy server may take to answer, in milliseconds. */
const TIMEOUT_MS = 5_000;

/** `health`: succeeds when a worker of the plugin server answers on the socket. It says nothing about Kong. */
export function healthCommand(): Command {
  return new Command('health')
    .description('ask the plugin server on a socket whether it serves; exits with 1 when it does not')
    .requiredOption('--socket <path>', 'Unix socket, the same as pluginserver_<name>_socket')
    .action(async ({ socket }: { readonly socket: string }) => {
      try {
        const names = await askForPluginNames(socket, TIMEOUT_MS);
        process.stdout.write(`serving ${names.join(', ')}\n`);
      } catch (error) {
        throw new CommandFailure(`socket ${socket}: ${(error as Error).message}`);
      }
    });
}
