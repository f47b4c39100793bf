import type { AddressInfo } from 'node:net';
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { publicKeySet, readSigningKeys, SIGNING_KEYS_VARIABLE } from '../keys/signing-keys';
import { watchedFile } from '../documents/watched-file';
import { serveJwks } from '../server/endpoints/jwks-endpoint';
import type { MetricsAddress } from '../server/endpoints/metrics-endpoint';
import { SocketPathError } from '../server/processes/socket-path';
import { listenAsSuccessor } from '../server/processes/port-takeover';
import { defaultWorkers, supervise } from '../server/processes/supervisor';
import { describeError } from '../telemetry/describe-error';
import { createLogger, type Log, LOG_LEVEL_VARIABLE, LOG_LEVELS } from '../telemetry/log';
import { CommandFailure } from './command-failure';
import { listenAddress } from './listen-address';
import { pluginOption } from './plugin-option';

interface ServeFlags {
  readonly socket: string;
  readonly plugin: string;
  readonly workers: number;
  readonly socketMode: number;
  readonly takeOver: boolean;
  readonly deadline: number;
  readonly stuckAfter: number;
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
    .option('--deadline <seconds>', 'an event that takes longer is refused; below 60', wholeNumber(1, 59), 10)
    .option(
      '--stuck-after <seconds>',
      'a worker that hangs so long is replaced; above 60, which Kong waits',
      wholeNumber(1, 3_600),
      65,
    )
    .option('--metrics <address:port>', 'serve Prometheus metrics there; a port alone means 127.0.0.1', listenAddress)
    .addOption(
      new Option('--signing-keys <file>', 'JWK set with private keys, for identity_token').env(SIGNING_KEYS_VARIABLE),
    )
    .option('--jwks <address:port>', 'publish the public half of the signing keys there', listenAddress)
    .option('--until-stdin-ends', 'stop when stdin closes, as it does when whoever holds it is killed', false)
    .addOption(new Option('--log-level <level>', 'least severe level that is logged').choices(LOG_LEVELS))
    .action(async (flags: ServeFlags) => {
      // The workers and the plugin in them read the level from here.
      if (flags.logLevel !== undefined) process.env[LOG_LEVEL_VARIABLE] = flags.logLevel;
      const { log } = createLogger();
      // Kong closes our stderr when it dies. That must not be an error of its own.
      process.stderr.on('error', () => undefined);
      if (flags.untilStdinEnds) process.stdin.on('close', () => process.kill(process.pid, 'SIGINT')).resume();
      try {
        await openSigningKeys(flags, log);
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
        throw startFailure(error);
      }
    });
}

/** Hands the keys to the workers by their path, and publishes what may be published. */
async function openSigningKeys({ signingKeys, jwks, takeOver }: ServeFlags, log: Log): Promise<void> {
  if (signingKeys === undefined) {
    if (jwks !== undefined) throw new CommandFailure('--jwks needs --signing-keys');
    return;
  }
  process.env[SIGNING_KEYS_VARIABLE] = resolve(signingKeys);
  const keySet = openKeySet(signingKeys, log);
  if (jwks === undefined) return;
  const publish = async (): Promise<void> => {
    const server = await serveJwks(jwks, keySet);
    // It must not keep a process going that serves nothing else.
    server.unref();
    const { address, port } = server.address() as AddressInfo;
    log('notice', 'publishing keys', { address, port });
  };
  // The server that is replaced publishes the same keys until it ends.
  if (!takeOver) await publish();
  else {
    listenAsSuccessor(publish).catch((error: unknown) => {
      log('error', 'keys cannot be published', { host: jwks.host, port: jwks.port, ...describeError(error) });
    });
  }
}

function openKeySet(path: string, log: Log): () => string {
  const parse = (text: string): string => JSON.stringify(publicKeySet(readSigningKeys(text)));
  try {
    return watchedFile(path, 'secret', parse, { now: Date.now, log });
  } catch (error) {
    throw new CommandFailure(`--signing-keys ${path}: ${(error as Error).message}`);
  }
}

function startFailure(error: unknown): unknown {
  if (error instanceof SocketPathError) return new CommandFailure(error.message);
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === undefined || syscall !== 'listen') return error;
  return new CommandFailure(`${address ?? ''}:${port ?? ''}: cannot listen (${code})`);
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

function fileMode(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw new InvalidArgumentError('It must be three octal digits, such as 0660.');
}
