import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventServer } from '../../src/server/pluginserver/event-server';
import type { EventOutcome } from '../../src/server/pluginserver/event';
import type { InstanceSource } from '../../src/server/pluginserver/instances';
import { InstanceRegistry } from '../../src/server/pluginserver/instance-registry';
import { loadPlugin, type PluginModule } from '../../src/server/pluginserver/plugin-module';
import { createLogger } from '../../src/telemetry/log';
import { SCRIPTED_PLUGIN } from './server-process';

/** An event server in this process, on a socket of its own. */
export interface LocalServer {
  readonly socketPath: string;
  readonly server: EventServer;
  readonly registry: InstanceRegistry;
  /** Every log line. */
  readonly logs: string[];
  /** Resolves with the next event's outcome. */
  nextOutcome(): Promise<EventOutcome>;
  /** Moves the server's clock. */
  advance(ms: number): void;
  /** Resolves when no connection is left. */
  isQuiet(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts an event server with the scripted plugin. Its clock stands still unless a spec moves it. */
export async function startLocalServer({
  plugin = loadPlugin(SCRIPTED_PLUGIN),
  deadlineMs = 1_000,
  source,
}: { plugin?: PluginModule; deadlineMs?: number; source?: InstanceSource } = {}): Promise<LocalServer> {
  const folder = mkdtempSync(join(tmpdir(), 'event-server-'));
  const socketPath = join(folder, 'plugin.sock');
  const logs: string[] = [];
  let nowMs = 0;
  const now = (): number => nowMs;
  const registry = new InstanceRegistry(now);
  const waiting: ((outcome: EventOutcome) => void)[] = [];
  const server = new EventServer({
    plugin,
    source: source ?? registry,
    log: createLogger('debug', (line) => logs.push(line)).log,
    deadlineMs,
    observer: (outcome) => {
      waiting.splice(0).forEach((resolve) => {
        resolve(outcome);
      });
    },
    now,
  });
  await server.listen(socketPath);
  return {
    socketPath,
    server,
    registry,
    logs,
    nextOutcome: () => new Promise((resolve) => waiting.push(resolve)),
    advance: (ms) => {
      nowMs += ms;
    },
    isQuiet: async () => {
      while (server.connectionCount > 0) await new Promise(setImmediate);
    },
    stop: async () => {
      await server.drain(0);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
