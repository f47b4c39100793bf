import { spawnSync } from 'node:child_process';
import { describe } from '@jest/globals';

const asked = spawnSync('kong', ['version'], { encoding: 'utf8' });
const version = asked.error === undefined ? asked.stdout.trim() : 'none';
const isThere = version.startsWith('3.9.');
// Straight to stderr: Jest hides what a skipped spec has to say.
if (!isThere) process.stderr.write(`differential specs are SKIPPED: they need Kong 3.9 on PATH, found ${version}\n`);

/** `describe` for specs that compare the development gateway with a real Kong 3.9; skipped, and saying so, without it. */
export function describeDifferences(name: string, body: () => void): void {
  if (isThere) describe(name, body);
  else describe.skip(`${name} (needs Kong 3.9 on PATH, found ${version})`, body);
}

/** Runs of the short form and of the long one, which `DIFFERENTIAL=long` asks for. */
export function runs(short: number, long: number): number {
  return process.env['DIFFERENTIAL'] === 'long' ? long : short;
}

/** The seed: `DIFFERENTIAL_SEED`, or one that is always the same. */
export const seed = Number(process.env['DIFFERENTIAL_SEED'] ?? 39);
