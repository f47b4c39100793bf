import { accessSync, constants, lstatSync, statSync, unlinkSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname } from 'node:path';

/** Longest path of a Unix socket, in bytes (Linux's `sun_path` without its end). */
const MAX_PATH_BYTES = 107;

/** A path that cannot be listened on; the message says why. */
export class SocketPathError extends Error {
  override readonly name = 'SocketPathError';
}

/**
 * Makes way for a socket at `path`: removes the file that a dead server left behind, and nothing else.
 *
 * @throws {@link SocketPathError} when a live server listens there, something other than a socket is there, the
 * folder is missing, or the path is too long.
 */
export async function prepareSocketPath(path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_PATH_BYTES) {
    throw new SocketPathError(`socket ${path}: longer than ${MAX_PATH_BYTES} bytes, which is the system's limit`);
  }
  checkFolder(path, dirname(path));
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new SocketPathError(`socket ${path}: there is a file here that is no socket`);
  const code = await probe(path);
  if (code === 'connected') throw new SocketPathError(`socket ${path}: in use by a running server`);
  if (code !== 'ECONNREFUSED' && code !== 'ENOENT')
    throw new SocketPathError(`socket ${path}: cannot be used (${code})`);
  try {
    unlinkSync(path);
  } catch (error) {
    const { code: reason = 'unknown error' } = error as NodeJS.ErrnoException;
    // Its server may have removed it in the meantime.
    if (reason !== 'ENOENT')
      throw new SocketPathError(`socket ${path}: a dead server's file cannot be removed (${reason})`);
  }
}

/** Returns a number that identifies the socket file at `path`; `undefined` when there is none. */
export function socketIdentity(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}

function checkFolder(path: string, folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new SocketPathError(`socket ${path}: the folder ${folder} is missing`);
  }
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    throw new SocketPathError(`socket ${path}: the user that runs the server may not write to ${folder}`);
  }
}

/** Returns `connected`, or the code of the error that connecting gave. */
function probe(path: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.on('connect', () => {
      socket.destroy();
      resolve('connected');
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code ?? 'unknown error');
    });
  });
}
