import type { Algorithm } from '../../schema/config';
import type { KeyLookup, KeyRequest, VerificationKey } from '../core/verification/key-source';

const NO_MATCHING_KEY: KeyLookup = { status: 'not_found', reason: 'no_matching_key' };
const AMBIGUOUS_KEY: KeyLookup = { status: 'not_found', reason: 'ambiguous_key' };

/**
 * Chooses the one key of a set for a token: it must be able to do `alg`, and have the token's `kid` when the token names
 * one. Where several fit, none is taken: trying them one by one would let a token choose how much work it makes, and a
 * `kid` that stands twice says nothing.
 *
 * @see RFC 7515 Appendix D, RFC 7517 §4.5
 */
export function selectKey(keys: readonly VerificationKey[], { alg, kid }: KeyRequest): KeyLookup {
  let chosen: VerificationKey | undefined;
  for (const key of keys) {
    if (!key.algorithms.includes(alg) || (kid !== undefined && key.kid !== kid)) continue;
    if (chosen !== undefined) return AMBIGUOUS_KEY;
    chosen = key;
  }
  return chosen === undefined ? NO_MATCHING_KEY : { status: 'found', key: chosen };
}

/** Keys without the algorithms that an issuer may not use; an empty list allows all. Keys that are left with none go. */
export function restrictKeys(keys: readonly VerificationKey[], allowed: readonly Algorithm[]): VerificationKey[] {
  return keys
    .map((key) => ({
      ...key,
      algorithms: key.algorithms.filter((alg) => allowed.length === 0 || allowed.includes(alg)),
    }))
    .filter(({ algorithms }) => algorithms.length > 0);
}
