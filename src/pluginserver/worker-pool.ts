import cluster, { type Worker } from 'node:cluster';
import { join } from 'node:path';
import type { Log } from '../telemetry/log';
import {
  type FromWorker,
  type ToWorker,
  WORKER_PLACE_VARIABLE,
  WORKER_SETTINGS_VARIABLE,
  type WorkerSettings,
} from './worker-messages';

/** A worker that lived shorter than this failed at once, in milliseconds: its replacement waits. */
const SHORT_LIFE_MS = 10_000;
/** Bounds of that wait, in milliseconds; it doubles each time. */
const FIRST_WAIT_MS = 100;
const LONGEST_WAIT_MS = 5_000;
/** How long workers may take to stop before they are killed, in milliseconds; by then they have refused what is left. */
const STOP_MS = 7_000;

/** What the pool tells its owner. */
export interface WorkerPoolEvents {
  /** A worker said something; `reply` answers it. */
  onMessage(message: FromWorker, reply: (message: ToWorker) => void): void;
  /** A worker accepts connections. */
  onListening(): void;
}

/** Keeps a number of workers alive. */
export class WorkerPool {
  #restarts = 0;
  #quickDeaths = 0;
  #isStopping = false;
  readonly #listening = new Set<Worker>();
  #onAllGone: (() => void) | undefined;

  constructor(
    private readonly settings: WorkerSettings,
    private readonly log: Log,
    private readonly events: WorkerPoolEvents,
  ) {
    // Workers accept from one shared socket. Handing connections out would give some to a worker that just stopped.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: join(__dirname, 'worker') });
  }

  /** Workers that accept connections. */
  get living(): number {
    return this.#listening.size;
  }

  /** Workers that died and were replaced. */
  get restarts(): number {
    return this.#restarts;
  }

  /** Starts `count` workers. Resolves when the first accepts connections; `false` when it ended instead. */
  async start(count: number): Promise<boolean> {
    const first = this.#fork(1);
    const isServing = await new Promise<boolean>((resolve) => {
      first.once('listening', () => {
        resolve(true);
      });
      first.once('exit', () => {
        resolve(false);
      });
    });
    // The others only now, so that what is wrong with all of them is said once.
    if (isServing) for (let place = 2; place <= count; place++) this.#fork(place);
    else this.#isStopping = true;
    return isServing;
  }

  broadcast(message: ToWorker): void {
    for (const worker of livingWorkers()) tell(worker, message);
  }

  /** Lets the workers end what they are doing. Resolves when all are gone. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (livingWorkers().length === 0) return;
    const allGone = new Promise<void>((resolve) => {
      this.#onAllGone = resolve;
    });
    this.broadcast({ kind: 'drain' });
    const limit = setTimeout(() => {
      for (const worker of livingWorkers()) worker.process.kill('SIGKILL');
    }, STOP_MS);
    await allGone;
    clearTimeout(limit);
  }

  #fork(place: number): Worker {
    const startedAtMs = performance.now();
    const worker = cluster.fork({
      [WORKER_SETTINGS_VARIABLE]: JSON.stringify(this.settings),
      [WORKER_PLACE_VARIABLE]: String(place),
    });
    worker.on('message', (message: FromWorker) => {
      this.events.onMessage(message, (answer) => {
        tell(worker, answer);
      });
    });
    worker.on('listening', () => {
      this.#listening.add(worker);
      this.log('info', 'worker serving', { worker: place, pid: worker.process.pid });
      this.events.onListening();
    });
    worker.on('exit', (code: number | null, signal: string | null) => {
      const wasServing = this.#listening.delete(worker);
      if (this.#isStopping) {
        if (livingWorkers().length === 0) this.#onAllGone?.();
        return;
      }
      // Before anything worked, whoever called start() decides.
      if (!wasServing && this.#listening.size === 0 && this.#restarts === 0) return;
      this.#replace(place, performance.now() - startedAtMs, signal ?? `exit code ${code ?? 'unknown'}`);
    });
    return worker;
  }

  #replace(place: number, livedMs: number, reason: string): void {
    this.#quickDeaths = livedMs < SHORT_LIFE_MS ? this.#quickDeaths + 1 : 0;
    const waitMs = this.#quickDeaths < 2 ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (this.#quickDeaths - 2), LONGEST_WAIT_MS);
    this.log('error', 'a worker died and is replaced', { worker: place, reason, wait_ms: waitMs });
    setTimeout(() => {
      if (this.#isStopping) return;
      this.#restarts += 1;
      this.#fork(place);
    }, waitMs);
  }
}

function livingWorkers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined && !worker.isDead()) as Worker[];
}

function tell(worker: Worker, message: ToWorker): void {
  // It may die at any time; its replacement asks anew.
  if (worker.isConnected()) worker.send(message, () => undefined);
}
