import { Command, Option } from 'commander';
import { SIGNING_KEYS_VARIABLE } from '../keys/signing-keys';
import type { MetricsAddress } from '../server/endpoints/metrics-endpoint';
import { defaultWorkers, supervise } from '../server/processes/supervisor';
import { createLogger, LOG_LEVEL_VARIABLE, LOG_LEVELS } from '../telemetry/log';
import { listenAddress } from './listen-address';
import { logoutOptions, openLogoutEndpoint, type LogoutFlags } from './logout-flags';
import { pluginOption } from './plugin-option';
import { fileMode, openSigningKeys, startFailure, wholeNumber } from './server-flags';
import { openTraces, tracesOption, type TracesFlag } from './traces-flag';

interface ServeFlags extends LogoutFlags, TracesFlag {
  readonly socket: string;
  readonly plugin: string;
  readonly workers: number;
  readonly socketMode: number;
  readonly deadline: number;
  readonly stuckAfter: number;
  readonly kongTimeout: number;
  readonly metrics?: MetricsAddress;
  readonly signingKeys?: string;
  readonly jwks?: MetricsAddress;
  readonly untilStdinEnds: boolean;
  readonly logLevel?: string;
}

/** `serve`: runs the plugin server on a Unix socket. */
export function serveCommand(): Command {
  const workers = defaultWorkers(process.env['KONG_NGINX_WORKER_PROCESSES']);
  return new Command('serve')
    .description('run the plugin server, for pluginserver_<name>_start_cmd')
    .requiredOption('--socket <path>', 'Unix socket, the same as pluginserver_<name>_socket')
    .addOption(pluginOption())
    .option(
      '--workers <count>',
      'worker processes (half as many as Kong has, at least 2)',
      wholeNumber(1, 256),
      workers,
    )
    .addOption(
      new Option('--socket-mode <octal>', 'permissions of the socket file')
        .argParser(fileMode)
        .default(0o600, '0600: only the user that runs the server'),
    )
    .option('--take-over', 'replace a server that runs on the same socket, without a gap', false)
    .option(
      '--deadline <seconds>',
      'an event that takes longer is refused; below --kong-timeout',
      wholeNumber(1, 3_599),
      10,
    )
    .option(
      '--stuck-after <seconds>',
      'a worker that hangs so long is replaced; above --kong-timeout',
      wholeNumber(1, 3_600),
      65,
    )
    .option(
      '--kong-timeout <seconds>',
      'how long Kong waits for an answer: lua_socket_read_timeout, when that is changed',
      wholeNumber(1, 3_599),
      60,
    )
    .option('--metrics <address:port>', 'serve Prometheus metrics there; a port alone means 127.0.0.1', listenAddress)
    .addOption(
      new Option('--signing-keys <file>', 'JWK set with private keys, for identity_token').env(SIGNING_KEYS_VARIABLE),
    )
    .option('--jwks <address:port>', 'publish the public half of the signing keys there', listenAddress)
    .addOption(tracesOption())
    .addOption(logoutOptions()[0])
    .addOption(logoutOptions()[1])
    .option('--until-stdin-ends', 'stop when stdin closes, as it does when whoever holds it is killed', false)
    .addOption(new Option('--log-level <level>', 'least severe level that is logged').choices(LOG_LEVELS))
    .action(async (flags: ServeFlags, command: Command) => {
      const { deadline, stuckAfter, kongTimeout } = flags;
      if (deadline >= kongTimeout) {
        command.error(`error: --deadline ${deadline} must be below ${kongTimeout}, which is how long Kong waits`);
      }
      if (stuckAfter <= kongTimeout) {
        command.error(`error: --stuck-after ${stuckAfter} must be above ${kongTimeout}, which is how long Kong waits`);
      }
      // The workers and the plugin in them read the level from here.
      if (flags.logLevel !== undefined) process.env[LOG_LEVEL_VARIABLE] = flags.logLevel;
      const { log } = createLogger();
      // Kong closes our stderr when it dies. That must not be an error of its own.
      process.stderr.on('error', () => undefined);
      if (flags.untilStdinEnds) process.stdin.on('close', () => process.kill(process.pid, 'SIGINT')).resume();
      try {
        openTraces(flags, log);
        await openSigningKeys(flags, log);
        await openLogoutEndpoint(flags, log);
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
