import { closeSync, constants, fstatSync, openSync, read, readFileSync, type Stats } from 'node:fs';
import { promisify } from 'node:util';
import { modeOf, mayOthersWrite, OURS_ALONE, type PathTrust, trustedPath, UntrustedPathError } from './trusted-path';

/** What is in a file, which decides who may do what with it. */
export type FileKind = 'secret' | 'public';

/** A file that is open and was checked. */
export interface TrustedFile {
  /** Tells a file from the one that was there before; also one that was moved there, as a mounted secret is. */
  readonly version: string;
  /** Its text. */
  read(): string;
}

/** A file that is read while other work goes on. */
export interface OpenFile extends TrustedFile {
  /**
   * Its bytes, piece by piece. A piece is overwritten by the next one.
   *
   * @throws UntrustedPathError when the file was changed meanwhile, or the error of the system
   */
  pieces(): AsyncGenerator<Uint8Array>;
  close(): void;
}

/** Whose word a public file is: the operator names it, so it may be anybody's, but not everybody's. */
const ANYBODYS: PathTrust = { mayBelongToOthers: true, groupMayWrite: true };

/** How many bytes of a large file are read at once. */
const PIECE_BYTES = 65_536;
/** Larger than any file of keys or certificates. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;

/**
 * Opens a file, makes sure of it by its descriptor, hands it to `use`, and closes it.
 *
 * @throws as {@link openTrustedFile}
 */
export function useTrustedFile<T>(
  path: string,
  kind: FileKind,
  use: (file: TrustedFile) => T,
  maxBytes: number = MAX_FILE_BYTES,
): T {
  const file = openTrustedFile(path, kind, maxBytes);
  try {
    return use(file);
  } finally {
    file.close();
  }
}

/**
 * Opens a file and makes sure of it by its descriptor. It stays open until it is closed.
 *
 * - `secret`: belongs to root or the user of this process; nobody else may write it or exchange it; nobody else may
 *   read it but, when it is root's, its group (as for PostgreSQL's `ssl_key_file`).
 * - `public`: not everybody may write it or exchange it.
 *
 * Links are followed where trusted users made them, as in a mounted Kubernetes secret. Pipes and devices are refused.
 *
 * @param maxBytes - a larger file is refused
 * @throws UntrustedPathError, or the error of the system
 */
export function openTrustedFile(path: string, kind: FileKind, maxBytes: number): OpenFile {
  const trust = kind === 'secret' ? OURS_ALONE : ANYBODYS;
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  const descriptor = openSync(trustedPath(path, trust), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  try {
    const status = fstatSync(descriptor);
    const problem = problemOf(status, path, kind, trust, maxBytes);
    if (problem !== undefined) throw new UntrustedPathError(problem);
    const version = versionOf(status);
    return {
      version,
      read: () => readFileSync(descriptor, 'utf8'),
      async *pieces() {
        const piece = new Uint8Array(PIECE_BYTES);
        for (;;) {
          const { bytesRead } = await readPiece(descriptor, piece, 0, PIECE_BYTES, null);
          if (bytesRead === 0) break;
          yield piece.subarray(0, bytesRead);
        }
        if (versionOf(fstatSync(descriptor)) !== version) {
          throw new UntrustedPathError(`${path} was changed while it was read: replace it in one step (mv)`);
        }
      },
      close: () => {
        closeSync(descriptor);
      },
    };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

const readPiece = promisify(read);

/** Tells contents apart. A file that is written in place has another time or size. */
function versionOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs}`;
}

function problemOf(
  status: Stats,
  path: string,
  kind: FileKind,
  trust: PathTrust,
  maxBytes: number,
): string | undefined {
  if (status.isDirectory()) return `${path} is a folder`;
  if (!status.isFile()) return `${path} is not a regular file`;
  if (status.size > maxBytes) return `${path} has more than ${maxBytes} bytes`;
  if (mayOthersWrite(status, trust)) return `others may write to ${path} (mode ${modeOf(status)}): chmod go-w`;
  const readers = status.uid === 0 ? 0o007 : 0o077;
  if (kind === 'secret' && process.geteuid !== undefined && (status.mode & readers) !== 0) {
    return `others may read ${path} (mode ${modeOf(status)}): chmod 0600, or 0640 where root owns it`;
  }
  return undefined;
}
