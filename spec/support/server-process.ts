import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const ROOT = resolve(__dirname, '../..');

/** A command of this package, as `npm run build` made it. */
export interface RunningCommand {
  readonly process: ChildProcess;
  readonly pid: number;
  /** Everything it wrote to stderr until now. */
  stderr(): string;
  stdout(): string;
  /** Resolves when its stderr holds a match. @throws when it ends first */
  logged(pattern: RegExp): Promise<RegExpMatchArray>;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string | null>;
}

/** `kong-jwt-identity`, as `npm run build` made it. */
export const COMMAND = join(ROOT, 'dist/src/cli/main.js');

/** The fixture plugin whose configuration says how it behaves. */
export const SCRIPTED_PLUGIN = join(ROOT, 'spec/fixtures/plugins/scripted');

/** Runs `kong-jwt-identity` with these arguments. */
export function runCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCommand {
  const child = spawn(process.execPath, [COMMAND, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  let stdout = '';
  const watchers = new Set<() => void>();
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString();
    for (const watcher of watchers) watcher();
  });
  const ended = new Promise<number | string | null>((resolveEnd) => {
    child.on('close', (code, signal) => {
      resolveEnd(signal ?? code);
    });
  });
  const logged = (pattern: RegExp): Promise<RegExpMatchArray> =>
    new Promise((resolveMatch, reject) => {
      const look = (): void => {
        const match = pattern.exec(stderr);
        if (match === null) return;
        watchers.delete(look);
        resolveMatch(match);
      };
      watchers.add(look);
      void ended.then((end) => {
        look();
        reject(new Error(`ended with ${String(end)} and never logged ${String(pattern)}:\n${stderr}`));
      });
      look();
    });
  return { process: child, pid: child.pid!, stderr: () => stderr, stdout: () => stdout, logged, ended };
}

/** A plugin server that listens. */
export interface ServerProcess extends RunningCommand {
  readonly socketPath: string;
  /** Process id of the worker that has this place now, from 1. */
  workerPid(place: number): Promise<number>;
  /** Process ids of all its living workers, serving or not. */
  childPids(): number[];
  /** Stops it and waits until it is gone. */
  stop(): Promise<void>;
}

/** Starts a plugin server in a folder of its own and waits until it serves. A flag that is given again counts. */
export async function startServer(...flags: readonly string[]): Promise<ServerProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'plugin-server-'));
  const socketPath = join(folder, 'plugin.sock');
  const command = runCommand([
    'serve',
    '--socket',
    socketPath,
    '--plugin',
    SCRIPTED_PLUGIN,
    '--log-level',
    'info',
    ...flags,
  ]);
  await command.logged(/notice: serving socket=/);
  return {
    ...command,
    socketPath,
    workerPid: async (place) => {
      const serving = new RegExp(`worker serving worker=${place} pid=(\\d+)`, 'g');
      await command.logged(new RegExp(serving.source));
      return Number([...command.stderr().matchAll(serving)].at(-1)?.[1]);
    },
    childPids: () =>
      readFileSync(`/proc/${command.pid}/task/${command.pid}/children`, 'utf8').trim().split(' ').map(Number),
    stop: async () => {
      command.process.kill('SIGTERM');
      await command.ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
