import cluster, { type Worker } from 'node:cluster';
import { join } from 'node:path';
import type { Log } from '../../telemetry/log';
import { type FromWorker, type ToWorker, WORKER_PLACE_VARIABLE, WORKER_SETTINGS_VARIABLE } from './worker-messages';

/** A worker that lived shorter than this failed at once, in milliseconds: its replacement waits. */
const SHORT_LIFE_MS = 10_000;
/** Bounds of that wait, in milliseconds; it doubles each time. */
const FIRST_WAIT_MS = 100;
const MAX_WAIT_MS = 5_000;
/** How long workers may take to stop before they are killed, in milliseconds; by then they have refused what is left. */
const STOP_MS = 7_000;
/** How often workers are looked at, in milliseconds. They say that they are alive just as often. */
const LOOK_MS = 1_000;

/** What the pool tells its owner. */
export interface WorkerPoolEvents {
  /** A worker said something; `reply` answers it. */
  onMessage(message: FromWorker, reply: (message: ToWorker) => void): void;
  /** A worker accepts connections, at this address and port when it is not on a Unix socket. */
  onListening(host: string | null, port: number): void;
}

/** What the pool knows of a worker that lives. */
interface Member {
  readonly place: number;
  readonly startedAtMs: number;
  isServing: boolean;
  /** Checks since its last message. Counted, not timed, so that a pause of this process does not count. */
  silentLooks: number;
}

/** Keeps a number of workers alive. */
export class WorkerPool {
  readonly #members = new Map<Worker, Member>();
  #restarts = 0;
  #quickDeaths = 0;
  #isStopping = false;
  /** Called once, when it is known whether the first worker serves; then `undefined`. */
  #onFirst: ((isServing: boolean) => void) | undefined;
  #onAllGone: (() => void) | undefined;

  /**
   * @param script - what a worker runs, beside this file
   * @param settings - what a worker must know to start; it must hold no secret
   */
  constructor(
    script: 'worker' | 'decision-worker',
    private readonly settings: object,
    private readonly stuckLooks: number,
    private readonly log: Log,
    private readonly events: WorkerPoolEvents,
  ) {
    // Workers accept from one shared socket. Handing connections out would give some to a worker that just stopped.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: join(__dirname, script) });
  }

  /** Workers that accept connections. */
  get living(): number {
    let living = 0;
    for (const { isServing } of this.#members.values()) if (isServing) living += 1;
    return living;
  }

  /** Workers that died and were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Starts `count` workers. Resolves when the first accepts connections; `false` when it ended instead. */
  async start(count: number): Promise<boolean> {
    const isServing = await new Promise<boolean>((resolve) => {
      this.#onFirst = resolve;
      this.#fork(1);
      setInterval(() => {
        this.#killStuck();
      }, LOOK_MS).unref();
    });
    this.#onFirst = undefined;
    // The others start only now, so that an error of all of them is logged once.
    if (isServing && !this.#isStopping) for (let place = 2; place <= count; place++) this.#fork(place);
    return isServing;
  }

  broadcast(message: ToWorker): void {
    for (const worker of this.#members.keys()) tell(worker, message);
  }

  /** Lets the workers end what they are doing. Resolves when all are gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#members.size === 0) return;
    const allGone = new Promise<void>((resolve) => {
      this.#onAllGone = resolve;
    });
    this.broadcast({ kind: 'drain' });
    const limit = setTimeout(() => {
      for (const worker of this.#members.keys()) worker.process.kill('SIGKILL');
    }, STOP_MS);
    await allGone;
    clearTimeout(limit);
  }

  #fork(place: number): void {
    const startedAtMs = performance.now();
    let worker: Worker;
    try {
      worker = cluster.fork({
        [WORKER_SETTINGS_VARIABLE]: JSON.stringify(this.settings),
        [WORKER_PLACE_VARIABLE]: String(place),
      });
    } catch (error) {
      this.#onGone(place, startedAtMs, reasonOf(error));
      return;
    }
    const member: Member = { place, startedAtMs, isServing: false, silentLooks: 0 };
    this.#members.set(worker, member);
    const gone = (reason: string): void => {
      if (this.#members.delete(worker)) this.#onGone(place, startedAtMs, reason);
    };
    worker.on('message', (message: FromWorker) => {
      member.silentLooks = 0;
      this.events.onMessage(message, (answer) => {
        tell(worker, answer);
      });
    });
    worker.on('listening', ({ address, port }) => {
      member.isServing = true;
      this.events.onListening(address, port);
      this.log('info', 'worker serving', { worker: place, pid: worker.process.pid });
      this.#onFirst?.(true);
    });
    worker.on('exit', (code: number | null, signal: string | null) => {
      gone(signal ?? `exit code ${code ?? 'unknown'}`);
    });
    // The system has no process or descriptor left for it.
    worker.on('error', (error: unknown) => {
      gone(reasonOf(error));
    });
  }

  /**
   * Kills workers whose event loop stands still, because whatever keeps it busy also keeps the deadline from passing.
   * Not before Kong has given up on them (Kong 3.9.3: after 60 s, with a 500): Kong repeats the call of a connection
   * that is closed during an event, so what made one worker hang would be handed to the next.
   */
  #killStuck(): void {
    for (const [worker, member] of this.#members) {
      member.silentLooks += 1;
      if (member.silentLooks !== this.stuckLooks) continue;
      this.log('error', 'a worker is stuck and is killed', { worker: member.place, pid: worker.process.pid });
      worker.process.kill('SIGKILL');
    }
  }

  #onGone(place: number, startedAtMs: number, reason: string): void {
    if (this.#isStopping) {
      if (this.#members.size === 0) this.#onAllGone?.();
    } else if (this.#onFirst !== undefined && reason !== 'SIGHUP') {
      // SIGHUP ends a Node that has just started, when it is sent to all processes. It says nothing about the plugin.
      this.#isStopping = true;
      this.log('error', 'the first worker ended before it served', { reason });
      this.#onFirst(false);
    } else {
      this.#replace(place, performance.now() - startedAtMs, reason);
    }
  }

  #replace(place: number, livedMs: number, reason: string): void {
    this.#quickDeaths = livedMs < SHORT_LIFE_MS ? this.#quickDeaths + 1 : 0;
    const waitMs = this.#quickDeaths < 2 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (this.#quickDeaths - 2), MAX_WAIT_MS);
    this.log('error', 'a worker died and is replaced', { worker: place, reason, wait_ms: waitMs });
    setTimeout(() => {
      if (this.#isStopping) return;
      this.#restarts += 1;
      this.#fork(place);
    }, waitMs);
  }
}

function tell(worker: Worker, message: ToWorker): void {
  // It may die at any time; its replacement asks anew.
  if (worker.isConnected()) worker.send(message, () => undefined);
}

function reasonOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unknown error';
}
