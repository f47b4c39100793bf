import { accessSync, constants, lstatSync, renameSync, rmSync, statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';

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
   * Finds out whether the path may be used; changes nothing but what a dead process of this id left.
   *
   * @param mayTakeOver - a live server there may be replaced
   * @throws {@link SocketPathError} when a live server listens there, something other than a socket is there, the
   * folder is missing or not writable, or the path is too long
   */
  async check(mayTakeOver: boolean): Promise<void> {
    const { path, ownName } = this;
    if (Buffer.byteLength(path) > MAX_PATH_BYTES || Buffer.byteLength(ownName) > MAX_PATH_BYTES) {
      throw new SocketPathError(`socket ${path}: longer than ${MAX_PATH_BYTES} bytes, which is the system's limit`);
    }
    checkFolder(path, dirname(path));
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
   * @throws the error of `rename(2)`
   */
  claim(): void {
    const created = identityOf(this.ownName);
    if (created === undefined || (this.#identity !== undefined && this.loss === 'taken')) return;
    renameSync(this.ownName, this.path);
    this.#identity = created;
  }

  /** For a worker that began to listen: takes note of the file that {@link loss} is to look for. */
  recognize(): void {
    // Whoever claims renames the one to the other.
    this.#identity = identityOf(this.ownName) ?? identityOf(this.path);
  }

  /** Why Kong's connections no longer reach this server: `undefined` as long as they do. */
  get loss(): 'removed' | 'taken' | undefined {
    const current = identityOf(this.path);
    if (current === undefined) return 'removed';
    return current === this.#identity ? undefined : 'taken';
  }

  /** Removes the file, unless it is another server's. */
  release(): void {
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
