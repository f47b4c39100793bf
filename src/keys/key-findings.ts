import type { VerificationKey } from '../core/verification/key-source';

/** Most findings about one key set: an explanation is read by a person. */
const MAX_FINDINGS = 100;

/**
 * Returns which keys a set has, and why others of its document are not used: a sentence each, without anything of a key
 * but its `kid`.
 */
export function keyFindings(keys: readonly VerificationKey[], skipped: readonly string[]): readonly string[] {
  const all = [
    ...keys.map((key) => `the set has ${describeKey(key)}`),
    ...skipped.map((reason) => `not used: ${reason}`),
  ];
  return all.length > MAX_FINDINGS
    ? [...all.slice(0, MAX_FINDINGS), `and ${all.length - MAX_FINDINGS} more keys`]
    : all;
}

/** Returns what a key is called in findings: its `kid` and what it is for. */
export function describeKey({ kid, algorithms }: VerificationKey): string {
  return `${kid === null ? 'a key without kid' : `kid ${JSON.stringify(kid)}`}, for ${algorithms.join(', ')}`;
}

/** Returns how many keys have no `kid`: what signs next cannot be told from what signed before. */
export function keysWithoutKid(keys: readonly VerificationKey[]): number {
  return keys.filter(({ kid }) => kid === null).length;
}
