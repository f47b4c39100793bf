import type { VerificationKey } from '../core/verification/key-source';
import type { Log } from '../telemetry/log';
import { someReasons } from './key-set-document';

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
    if (added + removed > 0) log('notice', 'keys changed', { issuer, keys: after.length, added, removed });
    const reasons = someReasons(skipped);
    if (skipped.length > 0 && reasons !== known) {
      log('notice', 'keys of the set are not used', { issuer, skipped: skipped.length, reasons });
    }
    known = reasons;
  };
}
