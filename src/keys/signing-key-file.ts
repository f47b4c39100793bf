import { ConfigError } from '../../schema/config-error';
import type { SigningKey, SigningKeySource } from '../core/identity/signing-key';
import { readSigningKeys, SIGNING_KEYS_VARIABLE } from './signing-keys';
import { watchedFile, type WatchedFileDependencies } from '../documents/watched-file';

/**
 * Returns the source of the key that this process signs with: the first of the file, which is opened when it is first
 * asked for and read again when it changes, so that keys rotate without a restart.
 *
 * What it returns throws a `ConfigError` when there is no such file, or no usable key in it at the first time.
 *
 * @param path - of a JWK set with private keys; `undefined` when the operator gave none
 */
export function signingKeyFile(path: string | undefined, dependencies: WatchedFileDependencies): SigningKeySource {
  let keys: (() => readonly [SigningKey, ...SigningKey[]]) | undefined;
  return () => {
    keys ??= open(path, dependencies);
    return keys()[0];
  };
}

function open(
  path: string | undefined,
  dependencies: WatchedFileDependencies,
): () => readonly [SigningKey, ...SigningKey[]] {
  if (path === undefined || path === '') {
    throw new ConfigError(
      'config.identity_token',
      `needs signing keys: serve --signing-keys or ${SIGNING_KEYS_VARIABLE}`,
    );
  }
  try {
    return watchedFile(path, 'secret', readSigningKeys, dependencies);
  } catch (error) {
    throw new ConfigError('config.identity_token', `signing keys: ${(error as Error).message}`);
  }
}
