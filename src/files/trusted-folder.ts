import { closeSync, constants, fchmodSync, fstatSync, mkdirSync, openSync } from 'node:fs';
import { modeOf, mayOthersWrite, trustedPath, UntrustedPathError } from './trusted-path';

/** A folder that is open, so that its name no longer matters. */
export interface TrustedFolder {
  /** Returns a path of an entry that leads through the open folder, whatever becomes of the folder's own path. */
  at(name: string): string;
  close(): void;
}

/**
 * Opens a folder whose entries only root and the user of this process can create, move or remove.
 *
 * @param makeMode - permissions to make it with when it is missing; the folder above has to be there, since a mistyped
 * path should not become one
 * @throws UntrustedPathError, or the error of the system
 */
export function openTrustedFolder(path: string, makeMode?: number): TrustedFolder {
  const isMade = makeMode !== undefined && makeFolder(path);
  const real = trustedPath(path);
  const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW } = constants;
  const descriptor = openSync(real, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  try {
    // Again, because the umask, which the plugin server makes for its socket, may have taken the right to enter it.
    if (isMade) fchmodSync(descriptor, makeMode);
    const status = fstatSync(descriptor);
    if (mayOthersWrite(status)) {
      throw new UntrustedPathError(
        `others may write to the folder ${path} (mode ${modeOf(status)}): chmod go-w, or another folder`,
      );
    }
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
  // Only Linux leads on from a descriptor; elsewhere the path that was checked has to do.
  const open = process.platform === 'linux' ? `/proc/self/fd/${descriptor}` : real;
  return {
    at: (name) => `${open}/${name}`,
    close: () => {
      closeSync(descriptor);
    },
  };
}

/** Makes the folder if it is missing. Returns whether it did. */
function makeFolder(path: string): boolean {
  try {
    trustedPath(path);
    return false;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  // All above it was checked by now.
  mkdirSync(path, { mode: 0o700 });
  return true;
}
