import { useTrustedFile } from '../files/trusted-file';
import { UntrustedPathError } from '../files/trusted-path';
import { FetchError } from './fetch-error';

/** RFC 6750 §2.1 `b64token`. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
/** Longer than any service account's token; servers take no longer header. */
const MAX_BYTES = 16 * 1024;

/**
 * Returns the token in a file, for the `Authorization` header of a fetch. The file is read once a fetch, because
 * Kubernetes replaces a service account's token about once an hour. Others may read it, as they may in a pod (mode 0644);
 * not everybody may write or exchange it.
 *
 * @throws FetchError when it cannot be read, everybody may write it, or it holds no token; quotes nothing of it
 */
export function readBearerToken(path: string): string {
  let text: string;
  try {
    text = useTrustedFile(path, 'public', (file) => file.read()).trim();
  } catch (error) {
    if (error instanceof UntrustedPathError) throw new FetchError(error.message);
    throw new FetchError(`the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
  }
  if (text.length > MAX_BYTES || !B64TOKEN.test(text)) throw new FetchError('the file does not hold a bearer token');
  return text;
}
