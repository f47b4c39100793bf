import { createServer, type Server } from 'node:net';
import type { Log } from '../../telemetry/log';
import { Connection, type ConnectionContext, type EventObserver } from './connection';
import type { EventFailure } from './event';
import { Instances, type InstanceSource } from './instances';
import type { PluginModule } from './plugin-module';
import { listen } from '../listening/listen';

/** What an event server needs. */
export interface EventServerOptions {
  readonly plugin: PluginModule;
  readonly source: InstanceSource;
  readonly log: Log;
  /** An event that takes this long is refused. Kong 3.9.3 itself waits 60 s. */
  readonly deadlineMs: number;
  /** Told how each event ended and how long it took, in milliseconds. */
  readonly observer?: EventObserver | undefined;
  /** A clock that never goes back, in milliseconds. */
  readonly now?: () => number;
}

/** How much later than its deadline an event may be refused, as a part of the deadline. */
const SWEEP_FRACTION = 1 / 20;

/** Serves Kong's calls on one socket, in one process. Keeps nothing of an event or a connection that is over. */
export class EventServer {
  readonly instances: Instances;
  readonly #deadlineMs: number;
  readonly #now: () => number;
  readonly #connections = new Set<Connection>();
  readonly #server: Server;
  readonly #log: Log;
  readonly #sweep: NodeJS.Timeout;
  #onIdle: (() => void) | undefined;

  constructor({ plugin, source, log, deadlineMs, observer, now = () => performance.now() }: EventServerOptions) {
    this.instances = new Instances(plugin, source, now);
    this.#deadlineMs = deadlineMs;
    this.#now = now;
    this.#log = log;
    const { instances } = this;
    const context: ConnectionContext = { plugin, log, observer, instances, now, lingerMs: deadlineMs };
    // One clock for the deadlines of all: nothing is scheduled for each event.
    this.#sweep = setInterval(() => {
      this.failOverdue();
    }, deadlineMs * SWEEP_FRACTION).unref();
    this.#server = createServer((socket) => {
      const connection = new Connection(socket, context);
      this.#connections.add(connection);
      socket.on('close', () => {
        this.#connections.delete(connection);
        if (this.#connections.size === 0) this.#onIdle?.();
      });
    });
  }

  /** Connections that are open. */
  get connectionCount(): number {
    return this.#connections.size;
  }

  /** Events that are going on. */
  get eventCount(): number {
    let count = 0;
    for (const connection of this.#connections) if (connection.hasEvent) count += 1;
    return count;
  }

  /** Starts to accept connections. @throws the error of `listen(2)` */
  async listen(path: string): Promise<void> {
    // As many waiting connections as the system allows: Kong makes a new one for each refused request.
    await listen(this.#server, { path, backlog: 65_535 }, this.#log);
  }

  /**
   * Accepts nothing more, lets events that are going on end, and resolves when no connection is left. After
   * `maximumMs` the requests that are left are refused.
   */
  async drain(maximumMs: number): Promise<void> {
    this.#server.close();
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    for (const connection of this.#connections) connection.drain();
    if (this.#connections.size > 0) {
      const limit = setTimeout(() => {
        this.failAll({ reason: 'the server was stopped' });
        for (const connection of this.#connections) connection.drain();
        this.#onIdle?.();
      }, maximumMs);
      await idle;
      clearTimeout(limit);
    }
    clearInterval(this.#sweep);
  }

  /** Refuses the requests of all events that have run for the deadline or longer. */
  failOverdue(): void {
    const latestStartMs = this.#now() - this.#deadlineMs;
    for (const connection of this.#connections) {
      connection.failEvent({ reason: 'the plugin took longer than the deadline' }, latestStartMs);
    }
  }

  /** Refuses the requests of all events that are going on. */
  failAll(failure: EventFailure): void {
    for (const connection of this.#connections) connection.failEvent(failure);
  }
}
