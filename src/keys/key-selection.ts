import type { Algorithm } from '../../schema/config';
import { issuerTemplate, tenantIn } from '../../schema/issuer-template';
import { MAX_TRIED_KEYS, type KeyLookup, type KeyRequest, type VerificationKey } from '../core/verification/key-source';

const NO_MATCHING_KEY: KeyLookup = { status: 'not_found', reason: 'no_matching_key' };
const AMBIGUOUS_KEY: KeyLookup = { status: 'not_found', reason: 'ambiguous_key' };

/**
 * Chooses the key of a set for a token: it must be able to do `alg`, and have the token's `kid` when the token names one.
 * Two different keys under one `kid` say nothing, and none is taken. A token without a `kid` gets the few that fit, in
 * their order; when there are more than {@link MAX_TRIED_KEYS}, none: trying them all would let a token choose how much
 * work it makes. Duplicate entries of a key count as one.
 *
 * @see RFC 7515 Appendix D, RFC 7517 §4.5
 */
export function selectKey(keys: readonly VerificationKey[], { alg, kid, iss }: KeyRequest): KeyLookup {
  const most = kid === undefined ? MAX_TRIED_KEYS : 1;
  let first: VerificationKey | undefined;
  let others: VerificationKey[] | undefined;
  for (const key of keys) {
    if (!key.algorithms.includes(alg) || (kid !== undefined && key.kid !== kid)) continue;
    if (iss !== undefined && key.issuer !== undefined && !isForIssuer(key.issuer, iss)) continue;
    if (first === undefined) {
      first = key;
      continue;
    }
    others ??= [];
    if ([first, ...others].some((known) => known.key.equals(key.key))) continue;
    if (others.length + 1 >= most) return AMBIGUOUS_KEY;
    others.push(key);
  }
  if (first === undefined) return NO_MATCHING_KEY;
  return others === undefined || others.length === 0
    ? { status: 'found', key: first }
    : { status: 'found', key: first, others };
}

/** Entra ID publishes keys of several issuers in one set: `{tenantid}` stands for any tenant, others name one. */
function isForIssuer(keyIssuer: string, iss: string): boolean {
  const template = issuerTemplate(keyIssuer);
  if (typeof template !== 'object') return keyIssuer === iss;
  return tenantIn(iss, template)?.includes('/') === false;
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
