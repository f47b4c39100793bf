import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command, Option } from 'commander';
import { PLUGIN_NAME } from '../../schema/parse-config';
import { isLoopback } from '../../schema/rules/key-url';
import { ConfigurationError } from '../kong/declarative/configuration-error';
import type { PluginEntry } from '../kong/declarative/entities';
import { type Gateway, startGateway } from '../gateway/gateway';
import { packagedServer } from '../gateway/plugins/pluginsocket/packaged-server';
import { PluginServerError } from '../gateway/plugins/pluginsocket/plugin-query';
import { diagnose, findingLogLine, readTextFile } from './diagnosis';
import { createLogger, type Log, LOG_LEVELS, type LogLevel } from '../telemetry/log';
import { CommandFailure } from './command-failure';
import { watchFile } from './file-watch';
import { type ListenAddress, listenAddress } from './listen-address';
import { requestLine } from './request-line';

interface DevFlags {
  readonly listen: ListenAddress;
  readonly watch: boolean;
  readonly logLevel: LogLevel;
}

/** `dev`: runs the development gateway and the plugin server behind it until it is told to stop. */
export function devCommand(): Command {
  return new Command('dev')
    .description('run a gateway for development that reads the kong.yml that Kong reads')
    .argument('[kong.yml]', 'declarative configuration, format 3.0', 'kong.yml')
    .addOption(
      new Option('--listen <address:port>', 'where clients connect; a port alone means 127.0.0.1')
        .argParser(listenAddress)
        .default({ host: '127.0.0.1', port: 8000 }, '127.0.0.1:8000'),
    )
    .option('--no-watch', 'do not read the file again when it changes')
    .addOption(
      new Option('--log-level <level>', 'least severe level that is logged').choices(LOG_LEVELS).default('info'),
    )
    .action(async (file: string, flags: DevFlags) => {
      const { log } = createLogger(flags.logLevel);
      const folder = mkdtempSync(join(tmpdir(), 'kong-jwt-identity-'));
      try {
        await serve(file, flags, folder, log);
      } catch (error) {
        throw startFailure(error, file, flags.listen);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
}

async function serve(file: string, { listen, watch, logLevel }: DevFlags, folder: string, log: Log): Promise<void> {
  const stopped = signalled();
  const starting = startGateway({
    kongYml: readConfiguration(file, log),
    listen,
    pluginServers: [packagedServer(folder, ['--log-level', logLevel])],
    log,
    isGuard,
    observer: (record) => process.stdout.write(`${requestLine(record)}\n`),
  });
  // From here on, so that a change while the gateway starts is not missed.
  const unwatch = watch
    ? watchFile(
        resolve(file),
        () =>
          void starting.then(
            (gateway) => reload(gateway, file, log),
            // A failed start is reported where it is awaited.
            () => undefined,
          ),
      )
    : undefined;
  try {
    const gateway = await starting;
    log('notice', 'development gateway: for development only, use Kong in production');
    if (!isLoopback(new URL(gateway.url).hostname)) {
      const reach =
        'other machines can reach this development gateway: --listen 127.0.0.1:PORT serves this machine only';
      log('warn', reach, { listen: `${listen.host}:${listen.port}` });
    }
    log('notice', 'serving', { url: gateway.url, file });
    const signal = await stopped;
    log('notice', 'stopping', { signal });
    await gateway.stop();
  } finally {
    unwatch?.();
  }
}

/** Whether a plugin refuses requests without a token, or all requests. */
function isGuard({ name, config }: PluginEntry): boolean {
  if (name === PLUGIN_NAME) return config['allow_missing'] !== true;
  return name === 'request-termination' && (config['trigger'] ?? null) === null;
}

/**
 * Reads the file and warns of what in it is likely a mistake.
 *
 * @throws CommandFailure with what a load would refuse, also what would show only at the first request
 */
function readConfiguration(file: string, log: Log): string {
  const text = readTextFile(file);
  const findings = diagnose(text, process.env, false);
  const errors = findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 0) throw new CommandFailure(errors.map((finding) => findingLogLine(file, finding)).join('\n'));
  for (const finding of findings) log('warn', findingLogLine(file, finding));
  return text;
}

/** A file that cannot be used changes nothing. */
async function reload(gateway: Gateway, file: string, log: Log): Promise<void> {
  try {
    await gateway.reload(readConfiguration(file, log));
  } catch (error) {
    const lines =
      error instanceof ConfigurationError ? error.message.replace(/^/gm, `${file}: `) : (error as Error).message;
    for (const line of lines.split('\n')) log('error', line);
    log('error', 'the previous configuration stays in use');
  }
}

function signalled(): Promise<NodeJS.Signals> {
  return new Promise((resolveSignal) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, resolveSignal);
  });
}

function startFailure(error: unknown, file: string, { host, port }: ListenAddress): unknown {
  if (error instanceof ConfigurationError) {
    return new CommandFailure(error.message.replace(/^/gm, `${file}: `));
  }
  if (error instanceof PluginServerError) return new CommandFailure(error.message);
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (syscall === 'listen') {
    return new CommandFailure(`--listen ${host}:${port}: cannot listen (${code ?? 'unknown error'})`);
  }
  return error;
}
