import type { VerificationKey } from '../core/verification/key-source';
import type { Log } from '../telemetry/log';
import { keysWithoutKid } from './key-findings';
import { someReasons } from './key-set-document';

/** A rotation cannot be seen in a token's header: nothing makes the set be fetched, and no key is chosen. */
const NAMELESS =
  'the provider publishes keys without kid: each token is tried with three keys at most, and a new key is found only when the set is renewed';

/** Logs how a set of keys changed. */
export type LogKeyChanges = (
  before: readonly VerificationKey[],
  after: readonly VerificationKey[],
  skipped: readonly string[],
) => void;

/**
 * Returns a function that logs which keys came, which went, and why others of the document are left out. Each is logged
 * once, however often the same document is read.
 */
export function keyChanges(issuer: string, log: Log): LogKeyChanges {
  let known = '';
  return (before, after, skipped) => {
    const added = after.filter((key) => !before.includes(key)).length;
    const removed = before.filter((key) => !after.includes(key)).length;
    if (added + removed > 0) {
      log('notice', 'keys changed', { issuer, keys: after.length, added, removed });
      const nameless = keysWithoutKid(after);
      if (nameless > 0) log('warn', NAMELESS, { issuer, keys: nameless });
    }
    const reasons = someReasons(skipped);
    if (skipped.length > 0 && reasons !== known) {
      log('notice', 'some keys of the key set are not used', { issuer, skipped: skipped.length, reasons });
    }
    known = reasons;
  };
}
