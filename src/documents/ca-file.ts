import { X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { useTrustedFile } from '../files/trusted-file';
import { UntrustedPathError } from '../files/trusted-path';
import { FetchError } from './fetch-error';

/** In place of a path: the certificates of the operating system. */
export const SYSTEM_CERTIFICATES = 'system';

/**
 * Where systems keep them in one file: Debian and Ubuntu, Red Hat, SUSE, Alpine and macOS. Node.js has a list of its own,
 * and can be asked for the system's from 22.15 on only.
 */
const SYSTEM_FILES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
] as const;

/**
 * Returns the text of a PEM file of certificates, or of the operating system's own with {@link SYSTEM_CERTIFICATES}. It is small and read once a fetch, so that a file that was replaced
 * counts from the next fetch on.
 *
 * @throws FetchError when it cannot be read, everybody may write it, or it does not begin with a certificate. Node would take such a text for an
 * empty list and trust nobody, without a word.
 */
export function readCaFile(path: string, systemFiles: readonly string[] = SYSTEM_FILES): string {
  if (path === SYSTEM_CERTIFICATES) {
    const found = systemFiles.find((file) => existsSync(file));
    if (found === undefined) throw new FetchError(`the system has none of ${systemFiles.join(', ')}`);
    return readCaFile(found);
  }
  let pem: string;
  try {
    pem = useTrustedFile(path, 'public', (file) => file.read());
  } catch (error) {
    if (error instanceof UntrustedPathError) throw new FetchError(error.message);
    throw new FetchError(`the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
  try {
    new X509Certificate(pem);
  } catch {
    throw new FetchError('the file does not hold a PEM certificate');
  }
  return pem;
}
