import { rustRegExp } from '../paths/rust-regexp';
import { KONG_ONLY } from './configuration-error';

/** What Kong refuses, although other dialects have it. */
const NOT_IN_KONG = 'Kong has no look-around, back-references, octal escapes, atomic groups and comments';
/** The message about a pattern that may mean something else, or nothing, in Kong. */
const OTHER_DIALECT = `Kong and JavaScript may read this regular expression differently: ${KONG_ONLY}`;

/** Highest product of all counts of repetitions. Kong refuses what needs too much memory; JavaScript would take it. */
const MAX_COUNT = 1_000;

/**
 * Returns what is wrong with the regular expression of a route: what Kong refuses, and what cannot be matched here in the
 * same way, because a route that takes more or fewer requests here than in Kong is a trap.
 *
 * Kong 3.9.3: checks a pattern with PCRE and with Rust's regex crate, and matches with the latter.
 */
export function patternProblem(pattern: string): string | null {
  const compiled = rustRegExp(pattern);
  if (compiled === 'invalid') {
    const isElsewhere = /\(\?<?[=!]|\(\?[>|#(&R]|\(\*|\\[0-9kg]/.test(pattern);
    return `invalid regular expression: ${isElsewhere ? NOT_IN_KONG : pattern}`;
  }
  const counts = (pattern.match(/(?<=\{[\d,]*)\d+(?=[\d,]*\})/g) ?? []).map(Number);
  const isTooLarge = counts.reduce((product, count) => product * Math.max(count, 1), 1) > MAX_COUNT;
  // PCRE does not know these, or only for bytes.
  const isOnlyInRust = /\\(?:[uUpPaA]|x\{)/.test(pattern);
  // Kong 3.9.3: makes (?P<name> of this, also where it is no group.
  const isRewritten = /(?<!\()\?</.test(pattern);
  return compiled === 'unsupported' || isTooLarge || isOnlyInRust || isRewritten ? OTHER_DIALECT : null;
}
