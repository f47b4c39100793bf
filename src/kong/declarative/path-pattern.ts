import { KONG_ONLY } from './configuration-error';

const INVALID = 'invalid regular expression';
const NOT_IN_KONG = `${INVALID}: Kong has no look-around, back-references, octal escapes, atomic groups and comments`;
/** Kong 3.9.3 checks a pattern with PCRE and matches with Rust's regex crate; here JavaScript matches. */
const OTHER_DIALECT = `Kong and JavaScript may read this regular expression differently: ${KONG_ONLY}`;

/** Highest product of all counts of repetitions. Kong refuses what needs too much memory; JavaScript would take it. */
const MAX_COUNT = 1_000;

/** The parts of a pattern in the order in which they are tried, and what is wrong with them. */
const PARTS: readonly (readonly [form: RegExp, problem: string | null])[] = [
  [/\(\?<?[=!]|\(\?[>|#(&R]|\(\*|\\[0-9kg]/y, NOT_IN_KONG],
  [/\((?:\?:|\?P?<[A-Za-z_]\w*>|(?!\?))/y, null],
  [/\\(?:[dswDSWbBntrfv]|x[\da-fA-F]{2}|[!-/:;=?@[-`{-~])/y, null],
  // Ranges between classes, nested sets and set operations are left out.
  [
    /\[\^?(?![^\]]*(?:\\[dswDSW]-|-\\[dswDSW]))(?:[^\]\\[&~-]|\\(?:[dswDSWntrfv]|[!-/:;=?@[-`{-~])|([&~-])(?!\1))+\]/y,
    null,
  ],
  [/(?:[*+?]|\{\d+(?:,\d*)?\})\??(?![*+?{])/y, null],
  [/[^\\[({*+?]/suy, null],
  [/./suy, OTHER_DIALECT],
];

/**
 * Returns what is wrong with the regular expression of a route: what Kong refuses, and what Kong and this gateway might
 * not read in the same way, because a route that takes more or fewer requests here than in Kong is a trap.
 */
export function patternProblem(pattern: string): string | null {
  let depth = 0;
  let at = 0;
  while (at < pattern.length && depth >= 0) {
    const { text, problem } = partAt(pattern, at);
    if (problem !== null) return problem;
    depth += Number(text.startsWith('(')) - Number(text === ')');
    at += text.length;
  }
  const counts = (pattern.match(/(?<=\{[\d,]*)\d+(?=[\d,]*\})/g) ?? []).map(Number);
  if (counts.reduce((product, count) => product * Math.max(count, 1), 1) > MAX_COUNT) return OTHER_DIALECT;
  if (depth !== 0) return `${INVALID}: ${pattern}`;
  // Kong 3.9.3: makes (?P<name> of this, also where it is no group.
  if (/(?<!\()\?</.test(pattern)) return OTHER_DIALECT;
  try {
    new RegExp(pattern.replaceAll('(?P<', '(?<'));
    return null;
  } catch {
    return OTHER_DIALECT;
  }
}

function partAt(pattern: string, at: number): { text: string; problem: string | null } {
  for (const [form, problem] of PARTS) {
    form.lastIndex = at;
    const [text] = form.exec(pattern) ?? [];
    if (text === undefined) continue;
    return { text, problem };
  }
  return { text: '', problem: OTHER_DIALECT };
}
