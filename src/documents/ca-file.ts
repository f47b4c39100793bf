import { X509Certificate } from 'node:crypto';
import { useTrustedFile } from '../files/trusted-file';
import { UntrustedPathError } from '../files/trusted-path';
import { FetchError } from './fetch-error';

/**
 * Returns the text of a PEM file of certificates. It is small and read once a fetch, so that a file that was replaced
 * counts from the next fetch on.
 *
 * @throws FetchError when it cannot be read, everybody may write it, or it does not begin with a certificate. Node would take such a text for an
 * empty list and trust nobody, without a word.
 */
export function readCaFile(path: string): string {
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
