import type { InstanceRegistry } from './instance-registry';
import type { InstanceSource } from './instances';
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
  }
}

/** The supervisor's instances, as a worker sees them. */
export class SupervisedInstances implements InstanceSource {
  readonly #registering = new Map<number, (id: number) => void>();
  readonly #finding = new Map<number, (config: string | undefined) => void>();
  #lastRequest = 0;

  constructor(private readonly send: (message: FromWorker) => void) {}

  register(config: string): Promise<number> {
    const request = ++this.#lastRequest;
    this.send({ kind: 'register-instance', request, config });
    return new Promise((resolve) => this.#registering.set(request, resolve));
  }

  find(id: number): Promise<string | undefined> {
    const request = ++this.#lastRequest;
    this.send({ kind: 'find-instance', request, id });
    return new Promise((resolve) => this.#finding.set(request, resolve));
  }

  close(id: number): void {
    this.send({ kind: 'close-instance', id });
  }

  /** Hands the supervisor's answer to whoever asked. */
  receive(message: ToWorker): void {
    if (message.kind === 'instance-registered') {
      this.#registering.get(message.request)?.(message.id);
      this.#registering.delete(message.request);
    } else if (message.kind === 'instance-found') {
      this.#finding.get(message.request)?.(message.config);
      this.#finding.delete(message.request);
    }
  }
}
