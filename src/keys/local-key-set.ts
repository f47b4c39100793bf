import type { KeySource, VerificationKey } from '../core/verification/key-source';
import { keepIdentity, readKeySet } from './key-set-document';
import { selectKey } from './key-selection';
import { watchedFile, type WatchedFileDependencies } from '../documents/watched-file';

/** RFC 7517 sets no limit; a set that somebody signs with has a few keys. */
const MAX_KEYS = 64;

/**
 * Returns the public keys of a JWK set in a file. It is read again when it changes, so a key that is no longer in it
 * stops being accepted within seconds; one that is still there stays the very object that it was.
 *
 * @throws Error when the file cannot be read or has no usable key
 */
export function localKeySet(path: string, dependencies: WatchedFileDependencies): KeySource {
  const read = (text: string, before: readonly VerificationKey[] = []): readonly VerificationKey[] =>
    keepIdentity(readKeySet(parse(text), MAX_KEYS).keys, before);
  const keys = watchedFile(path, 'public', read, dependencies);
  return { find: (request) => selectKey(keys(), request), holds: (key) => keys().includes(key) };
}

/** JSON.parse quotes what it does not understand, and by mistake the file may be the one with the private keys. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Error('not JSON');
  }
}
