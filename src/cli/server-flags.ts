import { resolve } from 'node:path';
import type { AddressInfo } from 'node:net';
import { InvalidArgumentError } from 'commander';
import { watchedFile } from '../documents/watched-file';
import { publicKeySet, readSigningKeys, SIGNING_KEYS_VARIABLE } from '../keys/signing-keys';
import { serveJwks } from '../server/endpoints/jwks-endpoint';
import { listenAsSuccessor } from '../server/processes/port-takeover';
import { SocketPathError } from '../server/processes/socket-path';
import { describeError } from '../telemetry/describe-error';
import type { Log } from '../telemetry/log';
import { CommandFailure } from './command-failure';
import type { ListenAddress } from './listen-address';

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
export async function openSigningKeys({ signingKeys, jwks, takeOver }: SigningKeysFlags, log: Log): Promise<void> {
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
