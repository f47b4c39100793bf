import { Command } from 'commander';
import { askForHealth, type ServerHealth } from '../server/processes/health';
import { SocketPathError } from '../server/processes/socket-path';
import { CommandFailure } from './command-failure';

/** How long a healthy server may take to answer, in milliseconds. */
const TIMEOUT_MS = 5_000;

/**
 * `health`: succeeds when a worker of the plugin server answers on the socket, and nobody else can have made that socket.
 * It says nothing about Kong.
 */
export function healthCommand(): Command {
  return new Command('health')
    .description('ask the plugin server on a socket whether it serves; exits with 1 when it does not')
    .requiredOption('--socket <path>', 'Unix socket, the same as pluginserver_<name>_socket')
    .action(async ({ socket }: { readonly socket: string }) => {
      try {
        process.stdout.write(`${describe(await askForHealth(socket, TIMEOUT_MS))}\n`);
      } catch (error) {
        if (error instanceof SocketPathError) throw new CommandFailure(error.message);
        throw new CommandFailure(`socket ${socket}: ${(error as Error).message}`);
      }
    });
}

function describe({ plugins, handlers }: ServerHealth): string {
  const serving = `serving ${plugins.join(', ')}`;
  if (handlers.length === 0) return serving;
  const versions = [...new Set(handlers)].map((version) => (version === '' ? 'none' : version)).join(', ');
  return `${serving}; handler in Kong's worker: ${versions}`;
}
