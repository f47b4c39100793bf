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
    .description('check that the plugin server on a socket serves (exit code 1 if not)')
    .requiredOption('--socket <path>', 'Unix socket, the same as pluginserver_<name>_socket')
    .option('--strict', 'also end with 1 when an entry of the plugin cannot be used', false)
    .addHelpText(
      'after',
      '\nExample:\n  $ kong-jwt-identity health --socket /usr/local/kong/jwt_identity.socket --strict',
    )
    .action(async ({ socket, strict }: { readonly socket: string; readonly strict: boolean }) => {
      try {
        const health = await askForHealth(socket, TIMEOUT_MS);
        process.stdout.write(`${describe(health)}\n`);
        if (strict && health.problems.length > 0) process.exitCode = 1;
      } catch (error) {
        if (error instanceof SocketPathError) throw new CommandFailure(error.message);
        throw new CommandFailure(`socket ${socket}: ${(error as Error).message}`);
      }
    });
}

function describe({ plugins, handlers, problems }: ServerHealth): string {
  const versions = [...new Set(handlers)].map((version) => (version === '' ? 'none' : version)).join(', ');
  return [
    `serving ${plugins.join(', ')}`,
    ...(handlers.length === 0 ? [] : [`handler in Kong's worker: ${versions}`]),
    ...problems.map((problem) => `an entry refuses every request: ${problem}`),
  ].join('; ');
}
