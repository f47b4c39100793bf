import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe } from '@jest/globals';

/** The user and group `nobody`: another local user, who attacks. */
export const NOBODY = 65_534;

const isRoot = process.getuid?.() === 0;
// Straight to stderr: Jest hides what a skipped spec has to say.
if (!isRoot) process.stderr.write('Specs with a second local user are SKIPPED: only root can become another user\n');

/** `describe` for specs with a second local user. When there is none to be had they are skipped; their title says why. */
export function describeOtherUser(name: string, body: () => void): void {
  if (isRoot) describe(name, body);
  else describe.skip(`${name} (needs root, to become another user)`, body);
}

/** Runs JavaScript as the other user, to its end. Its arguments are `process.argv[1]` and so on. */
export function asNobody(script: string, ...args: readonly string[]): void {
  execFileSync(process.execPath, ['-e', script, ...args], { uid: NOBODY, gid: NOBODY, cwd: '/' });
}

/** Starts JavaScript as the other user. Resolves when it has printed something; it must be ended by its owner. */
export async function startAsNobody(script: string, ...args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, ['-e', script, ...args], { uid: NOBODY, gid: NOBODY, cwd: '/' });
  await once(child.stdout, 'data');
  return child;
}

/** Ends what {@link startAsNobody} started, and waits until it is gone. */
export async function endOf(child: ChildProcess): Promise<void> {
  const ended = once(child, 'close');
  child.kill('SIGKILL');
  await ended;
}
