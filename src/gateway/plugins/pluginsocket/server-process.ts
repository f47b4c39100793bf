import { spawn, type ChildProcess } from 'node:child_process';
import { createConnection } from 'node:net';
import { createInterface } from 'node:readline';
import type { Log } from '../../../telemetry/log';
import type { PluginServerSettings } from './server-settings';

/** Kong 3.9.3: a plugin server that ends is started again, but not twice within this time. */
const RESPAWN_INTERVAL_MS = 1_000;
/** How long a server may take to end by itself before it is killed. */
const STOP_GRACE_MS = 5_000;
/** How long a server may take to listen before requests are let in; they are then answered with 500. */
const START_GRACE_MS = 15_000;
const CONNECT_INTERVAL_MS = 25;
/** What a shell says when there is no such command. Kong 3.9.3: then nothing is tried again. */
const COMMAND_NOT_FOUND = 127;

/** A plugin server that is kept running. */
export interface ServerProcess {
  /** The process that runs now, `undefined` between two. */
  readonly pid: number | undefined;
  /** Resolves when the server accepts connections, with `false` when it did not in time. Never rejects. */
  readonly listening: Promise<boolean>;
  /** Ends the process and resolves when it is gone. */
  stop(): Promise<void>;
}

/** Runs the start command, as Kong's first worker does: starts it again when it ends, and copies what it prints. */
export function keepRunning(settings: PluginServerSettings, startCommand: string, log: Log): ServerProcess {
  const { name, socket } = settings;
  let child: ChildProcess | undefined;
  let respawn: NodeJS.Timeout | undefined;
  const stopping = new AbortController();
  const start = (): void => {
    const startedAtMs = Date.now();
    // A process group of its own: Ctrl-C reaches the gateway alone, which then ends its children in order.
    const started = spawn('/bin/sh', ['-c', `exec ${startCommand}`], {
      // As Kong does. What reads its stdin learns from it when this process was killed.
      stdio: 'pipe',
      detached: true,
    });
    child = started;
    log('notice', 'plugin server started', { server: name, pid: started.pid });
    for (const stream of [started.stdout, started.stderr]) {
      createInterface(stream).on('line', (line) => {
        log('info', `[${name}:${started.pid ?? 0}] ${line}`);
      });
    }
    started.on('error', (error) => {
      log('error', 'plugin server did not start', { server: name, reason: error.message });
    });
    started.on('close', (code, signal) => {
      child = undefined;
      if (stopping.signal.aborted) return;
      log('notice', 'plugin server ended', { server: name, code: code ?? undefined, signal: signal ?? undefined });
      if (code === COMMAND_NOT_FOUND) {
        log('error', 'start command not found, the plugin server is not started again', { server: name });
        return;
      }
      respawn = setTimeout(start, Math.max(0, startedAtMs + RESPAWN_INTERVAL_MS - Date.now()));
    });
  };
  start();
  // The process group is its own, so nothing else would end it when this process ends in an unforeseen way.
  const endWithThis = (): void => {
    child?.kill('SIGTERM');
  };
  process.on('exit', endWithThis);
  return {
    get pid() {
      return child?.pid;
    },
    listening: acceptsConnections(socket, Date.now() + START_GRACE_MS, stopping.signal),
    stop: async () => {
      stopping.abort();
      clearTimeout(respawn);
      if (child !== undefined) await end(child);
      process.off('exit', endWithThis);
    },
  };
}

/** Resolves when something listens at a Unix socket, with `false` when nothing did until the deadline. */
export async function acceptsConnections(path: string, deadlineMs: number, stop?: AbortSignal): Promise<boolean> {
  while (!(await connects(path))) {
    if (Date.now() >= deadlineMs || stop?.aborted === true) return false;
    await new Promise((resolve) => setTimeout(resolve, CONNECT_INTERVAL_MS));
  }
  return true;
}

function connects(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const settle = (isOpen: boolean): void => {
      socket.destroy();
      resolve(isOpen);
    };
    socket.once('connect', () => {
      settle(true);
    });
    socket.once('error', () => {
      settle(false);
    });
  });
}

function end(child: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    const kill = setTimeout(() => {
      child.kill('SIGKILL');
      // Processes that it started may keep its output open, and it would not count as closed before they end.
      child.stdout?.destroy();
      child.stderr?.destroy();
    }, STOP_GRACE_MS);
    child.once('close', () => {
      clearTimeout(kill);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
