import { compactVerify, errors } from 'jose';
import type { Algorithm } from '../../../schema/config';
import { quote, type Observer } from '../observer';
import type { FoundKeys, VerificationKey } from './key-source';

/**
 * Returns which of the keys that were found made the signature of `token` with `alg`, as {@link isSignedBy} says;
 * `undefined` when none did. They are tried one after the other; a token with a `kid` has one.
 */
export async function signerOf(
  token: string,
  alg: Algorithm,
  { key, others = [] }: FoundKeys,
  observe?: Observer,
): Promise<VerificationKey | undefined> {
  for (const candidate of [key, ...others]) {
    observe?.('key', `of the issuer, kid ${quote(candidate.kid)}, for ${candidate.algorithms.join(', ')}`);
    if (await isSignedBy(token, alg, candidate)) return candidate;
  }
  return undefined;
}

/**
 * Whether `key` made the signature of `token` with `alg`. A signature of the wrong length, all zeros, or otherwise not
 * to be read is `false`, like any other that does not fit. Rejects only for a fault of ours (a key that cannot do
 * `alg`), which the caller turns into a refusal like every exception.
 *
 * @see RFC 7515 §5.2
 */
export async function isSignedBy(token: string, alg: Algorithm, { key }: VerificationKey): Promise<boolean> {
  try {
    await compactVerify(token, key, { algorithms: [alg] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}
