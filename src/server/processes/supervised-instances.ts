import type { InstanceRegistry } from '../pluginserver/instance-registry';
import type { InstanceSource } from '../pluginserver/instances';
import type { FromWorker, ToWorker } from './worker-messages';

/** Answers a worker's message from the supervisor's registry. */
export function answerWorker(
  registry: InstanceRegistry,
  message: FromWorker,
  reply: (message: ToWorker) => void,
  broadcast: (message: ToWorker) => void,
): void {
  switch (message.kind) {
    case 'register-instance':
      reply({ kind: 'instance-registered', request: message.request, id: registry.register(message.config) });
      return;
    case 'find-instance':
      reply({ kind: 'instance-found', request: message.request, config: registry.find(message.id) });
      return;
    case 'close-instance':
      registry.close(message.id);
      broadcast({ kind: 'instance-closed', id: message.id });
      return;
    case 'instances-used':
      registry.markUsed(message.ids);
      return;
    case 'policies-wanted':
    case 'alive':
      return;
  }
}

/** The supervisor's instances, as a worker sees them. */
export class SupervisedInstances implements InstanceSource {
  readonly #waiting = new Map<number, (message: ToWorker | undefined) => void>();
  #lastRequest = 0;
  #isAbandoned = false;

  /**
   * @param patienceMs - a supervisor that takes this long to answer counts as gone; Kong must not wait for one that
   * hangs until its own timeout
   */
  constructor(
    private readonly send: (message: FromWorker) => void,
    private readonly patienceMs: number,
  ) {}

  /** Questions that the supervisor has not answered. */
  get waiting(): number {
    return this.#waiting.size;
  }

  async register(config: string): Promise<number> {
    const answer = await this.ask((request) => ({ kind: 'register-instance', request, config }));
    if (answer.kind !== 'instance-registered') throw new Error('the supervisor answered another question');
    return answer.id;
  }

  async find(id: number): Promise<string | undefined> {
    const answer = await this.ask((request) => ({ kind: 'find-instance', request, id }));
    if (answer.kind !== 'instance-found') throw new Error('the supervisor answered another question');
    return answer.config;
  }

  close(id: number): void {
    this.send({ kind: 'close-instance', id });
  }

  /** Passes the supervisor's answer to the caller that asked. */
  receive(message: ToWorker): void {
    if ('request' in message) this.#waiting.get(message.request)?.(message);
  }

  /** Notes that the supervisor is gone: callers that wait for it, or ask from now on, get an error at once. */
  abandon(): void {
    this.#isAbandoned = true;
    for (const settle of this.#waiting.values()) settle(undefined);
  }

  /** @throws Error when no answer comes */
  private ask(question: (request: number) => FromWorker): Promise<ToWorker> {
    const request = ++this.#lastRequest;
    return new Promise((resolve, reject) => {
      const settle = (answer: ToWorker | undefined): void => {
        clearTimeout(patience);
        this.#waiting.delete(request);
        if (answer === undefined) reject(new Error('the supervisor does not answer'));
        else resolve(answer);
      };
      const patience = setTimeout(settle, this.#isAbandoned ? 0 : this.patienceMs, undefined);
      this.#waiting.set(request, settle);
      this.send(question(request));
    });
  }
}
