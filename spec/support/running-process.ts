import { type ChildProcess, spawn } from 'node:child_process';
import { resolve } from 'node:path';

/** The folder of this package. */
export const ROOT = resolve(__dirname, '../..');

/** A script of this package that runs as a process of its own. */
export interface RunningProcess {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Everything it wrote to stderr until now. */
  stderr(): string;
  stdout(): string;
  /** Everything it wrote to either, as it came. */
  output(): string;
  /** Resolves when its stderr holds a match. @throws when it ends first */
  logged(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Resolves when its output holds a match. @throws when it ends first */
  printed(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
}

/** Runs a script with Node, in the folder of this package. Its stdin is a pipe that closes when the specs end. */
export function runScript(
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): RunningProcess {
  const child = spawn(process.execPath, [script, ...args], { cwd: ROOT, env: { ...process.env, ...env } });
  const text = { stdout: '', stderr: '', both: '' };
  const watchers = new Set<() => void>();
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].on('data', (chunk: Buffer) => {
      text[name] += chunk.toString();
      text.both += chunk.toString();
      for (const watcher of watchers) watcher();
    });
  }
  const ended = new Promise<number | string | null>((resolveEnd) => {
    child.on('close', (code, signal) => {
      resolveEnd(signal ?? code);
    });
  });
  const found = (read: () => string, pattern: RegExp): Promise<RegExpMatchArray> =>
    new Promise((resolveMatch, reject) => {
      const look = (): void => {
        const match = pattern.exec(read());
        if (match === null) return;
        watchers.delete(look);
        resolveMatch(match);
      };
      watchers.add(look);
      void ended.then((end) => {
        look();
        reject(new Error(`ended with ${String(end)} and never printed ${String(pattern)}:\n${text.both}`));
      });
      look();
    });
  return {
    process: child,
    pid: child.pid!,
    stderr: () => text.stderr,
    stdout: () => text.stdout,
    output: () => text.both,
    logged: (pattern) => found(() => text.stderr, pattern),
    printed: (pattern) => found(() => text.both, pattern),
    ended,
  };
}
