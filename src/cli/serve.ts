import { Command } from 'commander';
import { defaultWorkers, supervise } from '../server/processes/supervisor';
import { pluginOption } from './plugin-option';
import {
  addServerOptions,
  becomeServer,
  openEndpoints,
  startFailure,
  wholeNumber,
  type ServerFlags,
} from './server-flags';

interface ServeFlags extends ServerFlags {
  readonly socket: string;
  readonly plugin: string;
  readonly kongTimeout: number;
}

/** `serve`: runs the plugin server on a Unix socket. */
export function serveCommand(): Command {
  const workers = defaultWorkers(process.env['KONG_NGINX_WORKER_PROCESSES']);
  const command = new Command('serve')
    .description('run the plugin server, for pluginserver_<name>_start_cmd')
    .requiredOption('--socket <path>', 'Unix socket, the same as pluginserver_<name>_socket')
    .addOption(pluginOption())
    .option(
      '--workers <count>',
      'worker processes (half as many as Kong has, at least 2)',
      wholeNumber(1, 256),
      workers,
    )
    .option(
      '--deadline <seconds>',
      'an event that takes longer is refused; below --kong-timeout',
      wholeNumber(1, 3_599),
      10,
    )
    .option(
      '--stuck-after <seconds>',
      'a worker that hangs this long is replaced; above --kong-timeout',
      wholeNumber(1, 3_600),
      65,
    )
    .option(
      '--kong-timeout <seconds>',
      'how long Kong waits for an answer: lua_socket_read_timeout, when that is changed',
      wholeNumber(1, 3_599),
      60,
    );
  return addServerOptions(command).action(async (flags: ServeFlags) => {
    const { deadline, stuckAfter, kongTimeout } = flags;
    if (deadline >= kongTimeout) {
      command.error(`error: --deadline ${deadline} must be below ${kongTimeout}, which is how long Kong waits`);
    }
    if (stuckAfter <= kongTimeout) {
      command.error(`error: --stuck-after ${stuckAfter} must be above ${kongTimeout}, which is how long Kong waits`);
    }
    const { log } = becomeServer(flags);
    try {
      await openEndpoints(flags, log);
      const exitCode = await supervise({
        socketPath: flags.socket,
        pluginPath: flags.plugin,
        workers: flags.workers,
        socketMode: flags.socketMode,
        takesOver: flags.takeOver,
        deadlineMs: flags.deadline * 1_000,
        stuckSeconds: flags.stuckAfter,
        metrics: flags.metrics,
        log,
      });
      process.exit(exitCode);
    } catch (error) {
      throw startFailure(error, { '--metrics': flags.metrics, '--jwks': flags.jwks });
    }
  });
}
