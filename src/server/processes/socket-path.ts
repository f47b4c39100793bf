import { accessSync, constants, lstatSync, renameSync, rmSync, type Stats } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { openTrustedFolder } from '../../files/trusted-folder';
import { trustedPath, UntrustedPathError } from '../../files/trusted-path';

/** Longest path of a Unix socket, in bytes (Linux's `sun_path` without its end). */
const MAX_PATH_BYTES = 107;

/** A path that cannot be listened on; the message says why. */
export class SocketPathError extends Error {
  override readonly name = 'SocketPathError';
}

/**
 * The path that Kong connects to. Workers listen under a name of this process's own, which is then renamed to the path:
 * whatever was there, a dead server's file or a live server's, is replaced at once, and at no time does Kong find
 * nothing.
 */
export class SocketPath {
  /** Where the workers listen. */
  readonly ownName: string;
  #identity: number | undefined;

  constructor(
    readonly path: string,
    processId: number = process.pid,
  ) {
    this.ownName = join(dirname(path), `.${processId}.sock`);
  }

  /**
   * Finds out whether the path may be used. Makes its folder when only that is missing, and removes what a dead process
   * of this id left.
   *
   * Another user who could write to the folder, or exchange it, could listen in place of the server, and Kong would
   * believe what that one says of its requests. So the whole way to the socket has to be ours; see {@link trustedPath}.
   *
   * @param mayTakeOver - a live server there may be replaced
   * @param socketMode - permissions of the socket; who may write to it may enter a folder that is made
   * @throws {@link SocketPathError} when a live server listens there, something other than a socket is there, another
   * user could listen there, the folder cannot be made or is not writable, or the path is too long
   */
  async check(mayTakeOver: boolean, socketMode = 0o600): Promise<void> {
    const { path, ownName } = this;
    if (Buffer.byteLength(path) > MAX_PATH_BYTES || Buffer.byteLength(ownName) > MAX_PATH_BYTES) {
      throw new SocketPathError(`socket ${path}: longer than ${MAX_PATH_BYTES} bytes, which is the system's limit`);
    }
    checkFolder(path, dirname(path), folderMode(socketMode));
    rmSync(ownName, { force: true });
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return;
    if (!stat.isSocket()) throw new SocketPathError(`socket ${path}: there is a file here that is no socket`);
    const code = await probe(path);
    if (code === 'connected') {
      if (mayTakeOver) return;
      throw new SocketPathError(`socket ${path}: in use by a running server (--take-over replaces it)`);
    }
    if (code !== 'ECONNREFUSED' && code !== 'ENOENT')
      throw new SocketPathError(`socket ${path}: cannot be used (${code})`);
  }

  /**
   * Puts the socket that a worker has begun to listen on in its place. Has no effect when it is there already, or when
   * another server has taken the path since: that is for {@link loss} to tell.
   *
   * @throws {@link SocketPathError} when Kong would not reach this server afterwards
   */
  claim(): void {
    const created = identityOf(this.ownName);
    if (created === undefined || (this.#identity !== undefined && this.loss === 'taken')) return;
    try {
      renameSync(this.ownName, this.path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new SocketPathError(`socket ${this.path}: cannot be put in its place (${code ?? 'unknown'})`);
    }
    this.#identity = created;
    if (this.loss !== undefined) throw new SocketPathError(`socket ${this.path}: another process put its own there`);
  }

  /** For a worker that began to listen: takes note of the file that {@link loss} is to look for. */
  recognize(): void {
    // The claiming server renames its own socket to the shared path.
    this.#identity = identityOf(this.ownName) ?? identityOf(this.path);
  }

  /** Why Kong's connections no longer reach this server: `undefined` as long as they do. */
  get loss(): 'removed' | 'taken' | undefined {
    const current = identityOf(this.path);
    if (current === undefined) return 'removed';
    return current === this.#identity ? undefined : 'taken';
  }

  /** Removes what this server has put there, and nothing of another server's. */
  release(): void {
    rmSync(this.ownName, { force: true });
    if (this.loss === undefined) rmSync(this.path, { force: true });
  }
}

/** Returns a number that identifies the file at `path`; `undefined` when there is none, or none that can be reached. */
function identityOf(path: string): number | undefined {
  try {
    return lstatSync(path).ino;
  } catch {
    return undefined;
  }
}

/**
 * Makes sure that the socket at `path` was put there by root, by the user of this process, or by a user to whom one of
 * these two gave its folder. Only such a process can have called `bind(2)`, and nobody else can exchange the socket
 * before it is connected to.
 *
 * @throws {@link SocketPathError}
 */
export function requireTrustedSocket(path: string): void {
  let status: Stats;
  try {
    status = lstatSync(trustedPath(path, { mayBelongToOthers: true, groupMayWrite: false }));
  } catch (error) {
    throw pathError(path, error);
  }
  if (!status.isSocket()) throw new SocketPathError(`socket ${path}: there is a file here that is no socket`);
}

function checkFolder(path: string, folder: string, mode: number): void {
  try {
    openTrustedFolder(folder, mode).close();
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new SocketPathError(`socket ${path}: the folder ${folder} is missing`);
    if (code === 'ENOTDIR') throw new SocketPathError(`socket ${path}: ${folder} is not a folder`);
    if (code === 'EACCES') {
      throw new SocketPathError(`socket ${path}: the user that runs the server may not write to ${folder}`);
    }
    throw pathError(path, error);
  }
}

/** Who may write to the socket may pass through its folder. */
function folderMode(socketMode: number): number {
  return 0o700 | ((socketMode & 0o020) !== 0 ? 0o050 : 0) | ((socketMode & 0o002) !== 0 ? 0o005 : 0);
}

function pathError(path: string, error: unknown): SocketPathError {
  const { code, message } = error as NodeJS.ErrnoException;
  return new SocketPathError(
    `socket ${path}: ${error instanceof UntrustedPathError ? message : `cannot be used (${code ?? 'unknown'})`}`,
  );
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
