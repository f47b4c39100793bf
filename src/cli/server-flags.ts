import { resolve } from 'node:path';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { watchedFile } from '../documents/watched-file';
import { publicKeySet, readSigningKeys, SIGNING_KEYS_VARIABLE } from '../keys/signing-keys';
import { serveJwks } from '../server/endpoints/jwks-endpoint';
import { SocketPathError } from '../server/processes/socket-path';
import { createLogger, LOG_LEVEL_VARIABLE, LOG_LEVELS, type Log, type Logger } from '../telemetry/log';
import { CommandFailure } from './command-failure';
import { listenAddress, type ListenAddress } from './listen-address';
import { logoutOptions, openLogoutEndpoint, type LogoutFlags } from './logout-flags';
import { openEndpoint } from './side-endpoint';
import { openTraces, tracesOption, type TracesFlag } from './traces-flag';

/** The flags that all servers have. */
export interface ServerFlags extends SigningKeysFlags, LogoutFlags, TracesFlag {
  readonly socketMode: number;
  readonly workers: number;
  readonly deadline: number;
  readonly stuckAfter: number;
  readonly metrics?: ListenAddress;
  readonly untilStdinEnds: boolean;
  readonly logLevel?: string;
}

/** Adds the options for those of {@link ServerFlags} that mean the same to every server. */
export function addServerOptions(command: Command): Command {
  const [logout, logoutConfig] = logoutOptions();
  return command
    .addOption(
      new Option('--socket-mode <octal>', 'permissions of the socket file')
        .argParser(fileMode)
        .default(0o600, '0600: only the user that runs the server'),
    )
    .option('--take-over', 'replace a server that runs on the same socket, without a gap', false)
    .option('--metrics <address:port>', 'serve Prometheus metrics there; a port alone means 127.0.0.1', listenAddress)
    .addOption(
      new Option('--signing-keys <file>', 'JWK set with private keys, for identity_token').env(SIGNING_KEYS_VARIABLE),
    )
    .option('--jwks <address:port>', 'publish the public half of the signing keys there', listenAddress)
    .addOption(tracesOption())
    .addOption(logout)
    .addOption(logoutConfig)
    .option('--until-stdin-ends', 'stop when stdin closes, also when the process that holds it is killed', false)
    .addOption(new Option('--log-level <level>', 'least severe level that is logged').choices(LOG_LEVELS));
}

/** Makes this process a server's: its log, when it ends, and which level its workers log. */
export function becomeServer({ logLevel, untilStdinEnds }: ServerFlags): Logger {
  // The workers and what runs in them read the level from here.
  if (logLevel !== undefined) process.env[LOG_LEVEL_VARIABLE] = logLevel;
  // The process that started it closes our stderr when it dies. That must not be an error of its own.
  process.stderr.on('error', () => undefined);
  if (untilStdinEnds) process.stdin.on('close', () => process.kill(process.pid, 'SIGINT')).resume();
  return createLogger();
}

/** Opens what every server may serve besides. @throws CommandFailure, or the error of `listen(2)` */
export async function openEndpoints(flags: ServerFlags, log: Log): Promise<void> {
  openTraces(flags, log);
  await openSigningKeys(flags, log);
  await openLogoutEndpoint(flags, log);
}

/** The flags for signing keys. */
export interface SigningKeysFlags {
  readonly signingKeys?: string;
  readonly jwks?: ListenAddress;
  readonly takeOver: boolean;
}

/**
 * Hands the keys to the workers by their path, and publishes what may be published.
 *
 * @throws CommandFailure for keys that cannot be used, or the error of `listen(2)`
 */
async function openSigningKeys({ signingKeys, jwks, takeOver }: SigningKeysFlags, log: Log): Promise<void> {
  if (signingKeys === undefined) {
    if (jwks !== undefined) throw new CommandFailure('--jwks needs --signing-keys');
    return;
  }
  process.env[SIGNING_KEYS_VARIABLE] = resolve(signingKeys);
  const keySet = openKeySet(signingKeys, log);
  if (jwks === undefined) return;
  const says = { open: 'publishing keys', failed: 'keys cannot be published' };
  await openEndpoint(says, jwks, takeOver, log, () => serveJwks(jwks, keySet, log));
}

function openKeySet(path: string, log: Log): () => string {
  const parse = (text: string): string => JSON.stringify(publicKeySet(readSigningKeys(text)));
  try {
    return watchedFile(path, 'secret', parse, { now: Date.now, log });
  } catch (error) {
    throw new CommandFailure(`--signing-keys ${path}: ${(error as Error).message}`);
  }
}

/** Returns what to throw for an error of a server's start: a {@link CommandFailure} where its user can mend it. */
export function startFailure(
  error: unknown,
  listening: Readonly<Record<string, { readonly port: number } | undefined>> = {},
): unknown {
  if (error instanceof SocketPathError) return new CommandFailure(error.message);
  const { code, syscall, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  if (code === undefined || syscall !== 'listen') return error;
  const flag = Object.entries(listening).find(([, given]) => given?.port === port)?.[0];
  return new CommandFailure(
    `${flag === undefined ? '' : `${flag} `}${address ?? ''}:${port ?? ''}: cannot listen (${code})`,
  );
}

/** Returns a parser of whole numbers in a range, both ends included. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/** Returns the permission bits that three octal digits mean. @throws InvalidArgumentError */
export function fileMode(text: string): number {
  if (/^0?[0-7]{3}$/.test(text)) return Number.parseInt(text, 8);
  throw new InvalidArgumentError('It must be three octal digits, such as 0660.');
}
