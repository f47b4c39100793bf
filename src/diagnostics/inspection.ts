import type { CheckedEntry } from './entry';
import { type Finding, mergedFindings, type Report } from './finding';

/** What a look at a file found, and what a further look needs. */
export interface Inspection {
  /** The entries, or policies, whose configuration can be used. */
  readonly entries: readonly CheckedEntry[];
  /** Adds a finding. Paths are those of {@link CheckedEntry}, with `.config` and the field behind. */
  readonly report: Report;
  /** Returns what was found until now, each once, in the order of the file. */
  readonly findings: () => Finding[];
}

/** Returns an inspection whose findings are those of a list, which `report` adds to. */
export function inspectionOf(
  findings: readonly Finding[],
  entries: readonly CheckedEntry[] = [],
  report: Report = () => undefined,
): Inspection {
  return { entries, report, findings: () => mergedFindings(findings) };
}
