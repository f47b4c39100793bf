import { decode } from '../protocol/message';
import { type CallPdk, encodeArguments, EXIT } from './kong-object';
import { INTERNAL_ERROR } from './internal-error';

/** An event's way to Kong: the part of its connection that it may use. */
export interface KongPort {
  /** Adds payloads to the next write. */
  queue(...payloads: readonly Uint8Array[]): void;
  /** Says who gets the reply to what was queued last; `null` when nobody waits for it. */
  expectReply(onReply: ((payload: Buffer) => void) | null): void;
  /** Writes what is queued now. */
  flush(): void;
  /** Writes what is queued when the current tick is over, together with what joins it until then. */
  flushSoon(): void;
  /** Forgets what is queued and not yet written. */
  discard(): void;
}

/**
 * How an event ended. `proceed`: the phase returned normally. `exit`: the plugin answered the request itself.
 * `failed`: something broke and the request was refused. `abandoned`: Kong closed the connection first.
 */
export type EventOutcome = 'proceed' | 'exit' | 'failed' | 'abandoned';

/** Why an event failed. */
export interface EventFailure {
  /** One of a few fixed sentences. */
  readonly reason: string;
  /** What was thrown, if anything. Its message may quote a token and must not be logged. */
  readonly error?: unknown;
}

/** Told exactly once, when nothing more will be sent for the event. */
export type OnEventOver = (outcome: EventOutcome, failure?: EventFailure) => void;

/** A call to the PDK that can no longer be made, or whose answer cannot come any more. */
export class PdkError extends Error {
  override readonly name = 'PdkError';
}

const DONE = Promise.resolve(undefined);

/**
 * One event, from Kong's call to its end. It ends with "proceed" in one place only: when the phase returned normally
 * and every read that it started was answered. Everything else ends it with `kong.response.exit`, after which nothing
 * is sent any more.
 */
export class PhaseEvent {
  #isOver = false;
  /** Rejects the reads that Kong has not answered. */
  readonly #waiting = new Set<(error: Error) => void>();

  constructor(
    private readonly port: KongPort,
    private readonly onOver: OnEventOver,
  ) {}

  /** Runs a phase of the plugin to the event's end. Never throws. */
  run(phase: () => unknown): void {
    let returned: unknown;
    try {
      returned = phase();
    } catch (error) {
      this.fail({ reason: 'the plugin threw', error });
      return;
    }
    Promise.resolve(returned).then(
      () => {
        this.proceed();
      },
      (error: unknown) => {
        this.fail({ reason: 'the plugin threw', error });
      },
    );
  }

  /**
   * Performs one PDK call of the plugin. Writes are queued and resolve at once; reads resolve with Kong's answer. A
   * call that cannot be encoded fails the event, because a plugin that ignores it must not let the request through.
   */
  readonly call: CallPdk = (call, args) => {
    if (this.#isOver) return rejected(new PdkError(`${call.name}: the event is over`));
    let payload: Uint8Array;
    try {
      payload = encodeArguments(call, args);
    } catch (error) {
      this.fail({ reason: `${call.name} was called with unusable arguments`, error });
      return rejected(error);
    }
    this.port.queue(call.namePayload, payload);
    switch (call.method.answer) {
      case 'none':
        // Kong 3.9.3: answers exit by ending the request and the connection, so nothing may follow.
        this.port.flush();
        this.#end('exit');
        return DONE;
      case 'empty':
        this.port.expectReply(null);
        return DONE;
      case 'value':
        return this.#read(call);
    }
  };

  /** Refuses the request because something broke. Has no effect when the event is over. */
  fail(failure: EventFailure): void {
    if (this.#isOver) return;
    this.port.discard();
    this.port.queue(EXIT.namePayload, INTERNAL_ERROR);
    this.port.flush();
    this.#end('failed', failure);
  }

  /** Ends the event without a word, because there is no Kong to talk to any more. */
  abandon(): void {
    if (!this.#isOver) this.#end('abandoned');
  }

  private proceed(): void {
    if (this.#isOver) return;
    // A read whose answer nobody saw is a forgotten await: a decision may hang on it.
    if (this.#waiting.size > 0) this.fail({ reason: 'the plugin returned before its reads were answered' });
    else this.#end('proceed');
  }

  #read({ name, method }: Parameters<CallPdk>[0]): Promise<unknown> {
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.add(reject);
      this.port.expectReply((payload) => {
        if (this.#isOver) return;
        this.#waiting.delete(reject);
        try {
          resolve(decode(method.result, payload));
        } catch (error) {
          this.fail({ reason: `Kong's answer to ${name} cannot be read`, error });
          reject(new PdkError(`${name}: Kong's answer cannot be read`));
        }
      });
    });
    this.port.flushSoon();
    return handled(answer);
  }

  #end(outcome: EventOutcome, failure?: EventFailure): void {
    this.#isOver = true;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    this.onOver(outcome, failure);
    for (const reject of waiting) reject(new PdkError('the event is over'));
  }
}

/** A rejection that is no accident when nobody looks at it: the event has been ended and logged already. */
function rejected(error: unknown): Promise<never> {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it was thrown
  return handled(Promise.reject(error));
}

function handled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
