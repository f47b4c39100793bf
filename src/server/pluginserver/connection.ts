import type { Socket } from 'node:net';
import { encodeFrames, FrameDecoder } from '../../protocol/frame';
import { decode, encode } from '../../protocol/message';
import { rpcCall, type RpcCall, rpcReturn, type RpcReturn } from '../../protocol/rpc-messages';
import { describeError } from '../../telemetry/describe-error';
import type { Log, LogFields } from '../../telemetry/log';
import { type EventFailure, type EventOutcome, type KongPort, PhaseEvent } from './event';
import type { Instance, Instances } from './instances';
import { createKongObject } from './kong-object';
import type { PluginModule } from './plugin-module';
import { countRepeated } from './report';

const EMPTY = Buffer.alloc(0);

/** Bytes that Kong has not read yet, beyond which no call of its is taken any more. Kong reads all before it calls. */
const MAX_UNREAD_BYTES = 1024 * 1024;

/** Most sentences about unusable instances that a health check is told. */
const MAX_PROBLEMS = 20;

/** Told how each event ended, and how long it took, in milliseconds. */
export type EventObserver = (outcome: EventOutcome, durationMs: number) => void;

/** What the connections of a server share. */
export interface ConnectionContext {
  readonly plugin: PluginModule;
  readonly instances: Instances;
  readonly log: Log;
  readonly observer?: EventObserver | undefined;
  /** A clock that never goes back, in milliseconds. */
  readonly now: () => number;
  /** How long a connection may stay open after its last message was sent, in milliseconds. */
  readonly lingerMs: number;
}

/**
 * One connection from Kong, which carries one call at a time. Frames that arrive are replies as long as replies are
 * due, in the order of the PDK calls; otherwise they are calls.
 */
export class Connection implements KongPort {
  readonly #decoder = new FrameDecoder();
  #outbox: Uint8Array[] = [];
  #isFlushDue = false;
  /** Who gets the replies that Kong still owes, in order; `null` for one that nobody waits for. */
  #replies: (((payload: Buffer) => void) | null)[] = [];
  /** A call is being served. */
  #isBusy = false;
  #event: PhaseEvent | undefined;
  #eventStartedAtMs = 0;
  /** `kong.response.exit` was the last thing said: whatever arrives is late, and Kong closes the connection. */
  #isSpent = false;
  #isDraining = false;

  constructor(
    private readonly socket: Socket,
    private readonly context: ConnectionContext,
  ) {
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    // Kong may vanish at any time; 'close' follows.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#replies = [];
      this.#outbox = [];
      this.#event?.abandon();
    });
  }

  /** Whether an event is going on. */
  get hasEvent(): boolean {
    return this.#event !== undefined;
  }

  /** Refuses the request of the event that is going on, if it started then or before. */
  failEvent(failure: EventFailure, latestStartMs = Number.POSITIVE_INFINITY): void {
    if (this.#eventStartedAtMs <= latestStartMs) this.#event?.fail(failure);
  }

  readonly #flushDue = (): void => {
    this.#isFlushDue = false;
    this.flush();
  };

  queue(payload: Uint8Array): void {
    this.#outbox.push(payload);
  }

  expectReply(onReply: ((payload: Buffer) => void) | null): void {
    this.#replies.push(onReply);
  }

  flush(): void {
    if (this.#outbox.length === 0) return;
    const frames = encodeFrames(this.#outbox);
    this.#outbox = [];
    this.socket.write(frames);
  }

  flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    process.nextTick(this.#flushDue);
  }

  discard(): void {
    this.#outbox = [];
  }

  /** Closes the connection as soon as it serves no call. */
  drain(): void {
    this.#isDraining = true;
    if (!this.#isBusy) this.socket.end();
  }

  #receive(chunk: Buffer): void {
    if (this.#isSpent) return;
    try {
      for (const payload of this.#decoder.push(chunk)) this.#take(payload);
    } catch (error) {
      // The stream cannot be followed any further; what it was about must not go through.
      const reason = 'Kong sent something that cannot be read';
      if (this.#event === undefined) this.#close(reason, error);
      else this.#event.fail({ reason, error });
    }
  }

  #take(payload: Buffer): void {
    if (this.#isSpent) return;
    const onReply = this.#replies.shift();
    if (onReply !== undefined) onReply?.(payload);
    else if (this.#isBusy) throw new Error('a frame that no call asked for');
    else this.#serve(decode(rpcCall, payload));
  }

  #serve(call: RpcCall): void {
    if (this.socket.writableLength > MAX_UNREAD_BYTES) throw new Error('Kong calls but does not read');
    this.#isBusy = true;
    const { startInstance, handleEvent, closeInstance, getPluginNames, report } = call;
    if (handleEvent !== undefined) {
      this.#handleEvent(call, handleEvent.instanceId ?? 0, handleEvent.eventName ?? '');
    } else if (startInstance !== undefined) {
      void this.#startInstance(call, startInstance.name ?? '', Buffer.from(startInstance.config ?? EMPTY).toString());
    } else if (closeInstance !== undefined) {
      const instanceId = closeInstance.instanceId ?? 0;
      this.context.instances.close(instanceId);
      this.#return(call, { instanceStatus: { name: this.context.plugin.name, instanceId } });
    } else if (getPluginNames !== undefined) {
      const { plugin, instances } = this.context;
      this.#return(call, {
        pluginNames: {
          names: [plugin.name],
          handlers: [...instances.handlers],
          problems: [...new Set(instances.problems)].slice(0, MAX_PROBLEMS),
        },
      });
    } else if (report !== undefined) {
      countRepeated(report);
      this.#return(call, {});
    } else {
      throw new Error('a call that neither Kong 3.9.3 nor a health check makes');
    }
  }

  async #startInstance(call: RpcCall, name: string, config: string): Promise<void> {
    const { plugin, instances, log } = this.context;
    try {
      if (name !== plugin.name) throw new Error(`the plugin is called ${plugin.name}`);
      const { id, origin } = await instances.start(config);
      log('info', 'instance started', { instance: id, ...origin });
      this.#return(call, { instanceStatus: { name, instanceId: id, startedAt: Math.floor(Date.now() / 1000) } });
    } catch (error) {
      // Kong 3.9.3: only a closed connection says that an instance did not start; the client gets 500.
      this.#close('an instance could not be started', error);
    }
  }

  #handleEvent(call: RpcCall, instanceId: number, phase: string): void {
    const { now, observer } = this.context;
    let instance: Instance | undefined;
    const event: PhaseEvent = new PhaseEvent(this, (outcome, failure) => {
      this.#event = undefined;
      observer?.(outcome, now() - this.#eventStartedAtMs);
      if (outcome === 'proceed') this.#proceed(call);
      else this.#end(outcome, failure, { instance: instanceId, phase, ...instance?.origin });
    });
    this.#event = event;
    this.#eventStartedAtMs = now();
    const run = (found: Instance | undefined): void => {
      instance = found;
      if (found === undefined) {
        // Kong 3.9.3: starts the instance and calls again when the connection closes. Only here: a known instance
        // would be called again without end.
        event.abandon();
        this.#close('unknown instance', undefined, { instance: instanceId });
      } else if (!this.context.plugin.phases.includes(phase)) {
        event.fail({ reason: 'the plugin has no such phase' });
      } else {
        const { plugin } = found;
        event.run(() => (plugin[phase] as (kong: object) => unknown).call(plugin, createKongObject(event.call)));
      }
    };
    const found = this.context.instances.find(instanceId);
    if (!(found instanceof Promise)) run(found);
    else {
      found.then(run).catch((error: unknown) => {
        event.fail({ reason: 'the instance could not be made', error });
      });
    }
  }

  #proceed(call: RpcCall): void {
    this.queue(EMPTY);
    this.#return(call, {});
  }

  #end(outcome: EventOutcome, failure: EventFailure | undefined, about: LogFields): void {
    this.#isSpent = true;
    if (failure !== undefined) {
      this.context.log('error', 'request refused', {
        reason: failure.reason,
        ...about,
        ...describeError(failure.error),
      });
    }
    if (outcome !== 'abandoned') {
      this.socket.setTimeout(this.context.lingerMs, () => {
        this.socket.destroy();
      });
    }
  }

  #return(call: RpcCall, result: RpcReturn): void {
    this.queue(encode(rpcReturn, { sequence: call.sequence ?? 0, ...result }));
    this.flush();
    this.#isBusy = false;
    if (this.#isDraining) this.socket.end();
  }

  #close(reason: string, error?: unknown, about: LogFields = {}): void {
    this.#isSpent = true;
    this.context.log('notice', 'connection closed', { reason, ...about, ...describeError(error) });
    this.socket.destroy();
  }
}
