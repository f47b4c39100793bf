import type { KeyLookup, KeySource, VerificationKey } from '../../src/core/verification/key-source';
import type { SigningKey } from './tokens';

/** A key source over a list that a spec may change: the first key with the algorithm and, if asked for, the kid. */
export class KeyList implements KeySource {
  readonly keys: VerificationKey[];
  /** What to answer instead of looking, when set. */
  answer: KeyLookup | undefined;
  lookups = 0;

  constructor(...keys: readonly Omit<SigningKey, 'privateKey'>[]) {
    this.keys = keys.map(({ alg, kid, publicKey }) => ({ kid: kid ?? null, algorithms: [alg], key: publicKey }));
  }

  find({ alg, kid }: { alg: string; kid: string | undefined }): KeyLookup {
    this.lookups += 1;
    if (this.answer !== undefined) return this.answer;
    const key = this.keys.find(
      (candidate) => (candidate.algorithms as readonly string[]).includes(alg) && (kid ?? null) === candidate.kid,
    );
    return key ? { status: 'found', key } : { status: 'not_found', reason: 'no_matching_key' };
  }

  holds(key: VerificationKey): boolean {
    return this.keys.includes(key);
  }
}
