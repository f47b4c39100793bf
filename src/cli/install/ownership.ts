import { lstatSync, realpathSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';

const GROUP_MAY_WRITE = 0o020;
const OTHERS_MAY_WRITE = 0o002;
const STICKY = 0o1000;

/**
 * Returns why somebody else could replace a file: it, or a folder that leads to it, belongs to another user than root
 * and those named, or others may write to it. Whoever may replace the plugin's code decides who passes the gateway.
 *
 * @param path - an absolute path; it is looked at where it leads to
 * @param userIds - users who may own the file besides root
 */
export function ownershipProblems(path: string, userIds: readonly number[]): readonly string[] {
  let real: string;
  try {
    real = realpathSync(path);
  } catch (error) {
    return [`${path}: ${(error as NodeJS.ErrnoException).code ?? 'cannot be read'}`];
  }
  const problems: string[] = [];
  for (let place = real; ; place = dirname(place)) {
    const problem = placeProblem(lstatSync(place), userIds);
    if (problem !== undefined) problems.push(`${place} ${problem}`);
    if (place === dirname(place)) return problems;
  }
}

function placeProblem(stats: Stats, userIds: readonly number[]): string | undefined {
  if (stats.uid !== 0 && !userIds.includes(stats.uid)) return `belongs to user ${stats.uid}`;
  // In a sticky folder nobody can replace what belongs to somebody else.
  if (stats.isDirectory() && (stats.mode & STICKY) !== 0) return undefined;
  if ((stats.mode & OTHERS_MAY_WRITE) !== 0) return 'may be written by every user (chmod o-w)';
  if ((stats.mode & GROUP_MAY_WRITE) !== 0 && stats.gid !== 0)
    return `may be written by group ${stats.gid} (chmod g-w)`;
  return undefined;
}
