import cluster from 'node:cluster';
import { renewalChannel } from '../../telemetry/channels';
import { describeError } from '../../telemetry/describe-error';
import type { Log } from '../../telemetry/log';
import type { FromWorker, ToWorker } from './worker-messages';

/** What a worker serves. */
export interface WorkerService {
  /** Accepts nothing more and lets what goes on end; what is left after `maximumMs` is refused. */
  drain(maximumMs: number): Promise<void>;
  /** Refuses everything that goes on, now. */
  failAll(reason: string): void;
}

/** How a worker lives. */
export interface WorkerLife {
  /** Tells the supervisor, if it is there. */
  readonly send: (message: FromWorker) => void;
  /** Ends the process as soon as nothing is going on, or after this many milliseconds. */
  readonly stop: (maximumMs: number, exitCode: number) => Promise<void>;
  /** Whether it was told to end. */
  readonly isStopping: boolean;
}

/** How long what goes on may take to end after the worker was told to stop, in milliseconds. */
export const DRAIN_MS = 5_000;
/** How long spans that are left may take to be sent then, in milliseconds. */
export const FLUSH_MS = 1_000;
/** How much longer than it may take a stop can last, in milliseconds: the last answers are written, and spans are sent. */
const LAST_MS = 1_500;
/** How often the worker says that its event loop turns, in milliseconds. */
const ALIVE_MS = 1_000;

/**
 * Makes this process a worker of a supervisor: it says that it is alive, ends when it is told to, reads keys anew when it
 * is told to, and ends when it is broken.
 *
 * @param service - not used before the first message or signal, which cannot come while modules are being loaded
 * @param onMessage - takes the supervisor's other messages
 */
export function liveAsWorker(service: WorkerService, log: Log, onMessage: (message: ToWorker) => void): WorkerLife {
  let isStopping = false;
  const send = (message: FromWorker): void => {
    // The supervisor may die at any time. A caller that waits for its answer is told when this process has noticed.
    if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
  };
  const stop = async (maximumMs: number, exitCode: number): Promise<void> => {
    isStopping = true;
    // A worker that accepts nothing more and says that it is alive would not be replaced.
    setTimeout(() => process.exit(exitCode), maximumMs + LAST_MS);
    try {
      await service.drain(maximumMs);
    } finally {
      process.exit(exitCode);
    }
  };
  // The process that started the supervisor closes our stderr when it dies. That must not be an error of its own.
  process.stderr.on('error', () => undefined);
  process.on('message', (message: ToWorker) => {
    if (message.kind === 'drain') void stop(DRAIN_MS, 0);
    else if (message.kind === 'renew-keys') renewalChannel.publish({});
    else onMessage(message);
  });
  // A terminal and systemd send these to all processes: the supervisor, if there is one, decides what they mean.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => {
      if (!process.connected && signal !== 'SIGHUP') void stop(DRAIN_MS, 0);
    });
  }
  // An exception outside of any decision leaves nothing to rely on: every request in this process is refused and the
  // process ends. No gateway takes that for consent, and the supervisor replaces the worker.
  process.on('uncaughtException', (error: unknown) => {
    log('error', 'the worker ends because of an unexpected exception', describeError(error));
    service.failAll('the worker failed');
    void stop(0, 1);
  });
  // A promise that was not awaited cannot have been part of a decision: only a normal return continues one.
  // Ending here would let one such bug take the service down.
  process.on('unhandledRejection', (error: unknown) => {
    log('error', 'unhandled promise rejection', describeError(error));
  });
  setInterval(() => {
    send({ kind: 'alive' });
  }, ALIVE_MS).unref();
  return {
    send,
    stop,
    get isStopping() {
      return isStopping;
    },
  };
}

/** Calls back when the supervisor is gone. Then node:cluster does not end the process, unless it was told to stop. */
export function outliveSupervisor(life: WorkerLife, onGone: () => void): void {
  const self = cluster.worker;
  self?.once('disconnect', () => {
    if (life.isStopping) return;
    // Otherwise node:cluster ends the process now.
    self.exitedAfterDisconnect = true;
    onGone();
  });
}
