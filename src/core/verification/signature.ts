import { compactVerify, errors } from 'jose';
import type { Algorithm } from '../../../schema/config';
import type { VerificationKey } from './key-source';

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
