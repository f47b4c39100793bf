import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KongSide } from './kong-side';
import { ROOT, type RunningProcess, runScript } from './running-process';

/** A command of this package, as `npm run build` made it. */
export type RunningCommand = RunningProcess;

/** `kong-jwt-identity`, as `npm run build` made it. */
export const COMMAND = join(ROOT, 'dist/src/cli/main.js');

/** The fixture plugin whose configuration says how it behaves. */
export const SCRIPTED_PLUGIN = join(ROOT, 'spec/fixtures/plugins/scripted');

/** Runs `kong-jwt-identity` with these arguments. */
export function runCommand(args: readonly string[], env: Readonly<Record<string, string>> = {}): RunningCommand {
  return runScript(COMMAND, args, env);
}

/** A plugin server that listens. */
export interface ServerProcess extends RunningCommand {
  readonly socketPath: string;
  /** Process id of the worker that has this place now, from 1. */
  workerPid(place: number): Promise<number>;
  /** Process ids of all its living workers, serving or not. */
  childPids(): number[];
  /** Opens a connection that this worker serves. The others stand still meanwhile. */
  connectToWorker(place: number): Promise<KongSide>;
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
    '--until-stdin-ends',
    ...flags,
  ]);
  await command.logged(/notice: serving socket=/);
  const workerPid = async (place: number): Promise<number> => {
    const serving = new RegExp(`worker serving worker=${place} pid=(\\d+)`, 'g');
    await command.logged(new RegExp(serving.source));
    return Number([...command.stderr().matchAll(serving)].at(-1)?.[1]);
  };
  const childPids = (): number[] =>
    readFileSync(`/proc/${command.pid}/task/${command.pid}/children`, 'utf8').trim().split(' ').map(Number);
  return {
    ...command,
    socketPath,
    workerPid,
    childPids,
    connectToWorker: async (place) => {
      const wanted = await workerPid(place);
      const others = childPids().filter((pid) => pid !== wanted);
      for (const pid of others) await pause(pid);
      try {
        const connection = await KongSide.connect(socketPath);
        // The system connects before a worker accepts.
        await connection.call({ getPluginNames: {} });
        return connection;
      } finally {
        for (const pid of others) process.kill(pid, 'SIGCONT');
      }
    },
    stop: async () => {
      command.process.kill('SIGTERM');
      await command.ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Stops a process and waits until it stands still. */
async function pause(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  while (!readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') T ')) await new Promise(setImmediate);
}
