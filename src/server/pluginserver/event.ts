import { decode } from '../../protocol/message';
import { type CallPdk, encodeArguments, EXIT } from './kong-object';
import { INTERNAL_ERROR } from './internal-error';

/** An event's way to Kong: the part of its connection that it may use. */
export interface KongPort {
  /** Adds a payload to the next write. */
  queue(payload: Uint8Array): void;
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

/** A read that Kong has not answered. */
interface OpenRead {
  readonly answer: Promise<unknown>;
  readonly reject: (error: Error) => void;
}

const DONE = Promise.resolve(undefined);

/**
 * One event, from Kong's call to its end. It ends with "proceed" in one place only: when the phase returned normally
 * and every read that it started was answered. Everything else ends it with `kong.response.exit`, after which nothing
 * is sent any more.
 */
export class PhaseEvent {
  #isOver = false;
  /** In the order of the calls, which is the order of Kong's answers. */
  readonly #openReads: OpenRead[] = [];

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
    this.port.queue(call.namePayload);
    this.port.queue(payload);
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
    this.port.queue(EXIT.namePayload);
    this.port.queue(INTERNAL_ERROR);
    this.port.flush();
    this.#end('failed', failure);
  }

  /** Ends the event without a word, because there is no Kong to talk to any more. */
  abandon(): void {
    if (!this.#isOver) this.#end('abandoned');
  }

  private proceed(): void {
    if (this.#isOver) return;
    // A read whose answer was not awaited: a decision may depend on it.
    if (this.#openReads.length > 0) this.fail({ reason: 'the plugin returned before its reads were answered' });
    else this.#end('proceed');
  }

  #read({ name, method }: Parameters<CallPdk>[0]): Promise<unknown> {
    let resolve: (answer: unknown) => void = ignore;
    let reject: (error: Error) => void = ignore;
    const answer = new Promise<unknown>((onAnswer, onError) => {
      resolve = onAnswer;
      reject = onError;
    });
    this.#openReads.push({ answer, reject });
    this.port.expectReply((payload) => {
      if (this.#isOver) return;
      let value: unknown;
      try {
        value = decode(method.result, payload);
      } catch (error) {
        this.fail({ reason: `Kong's answer to ${name} cannot be read`, error });
        return;
      }
      this.#openReads.shift();
      resolve(value);
    });
    this.port.flushSoon();
    return answer;
  }

  #end(outcome: EventOutcome, failure?: EventFailure): void {
    this.#isOver = true;
    this.onOver(outcome, failure);
    for (const { answer, reject } of this.#openReads.splice(0)) {
      answer.catch(ignore);
      reject(new PdkError('the event is over, and Kong has not answered'));
    }
  }
}

/** A rejection that need not be handled: the event has been ended and logged already. */
function rejected(error: unknown): Promise<never> {
  // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- passed on as it was thrown
  const rejection = Promise.reject(error);
  rejection.catch(ignore);
  return rejection;
}

function ignore(): void {
  // Nothing is to be done.
}
