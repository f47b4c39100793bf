import { createConnection, type Socket } from 'node:net';
import { decode, encode } from '@msgpack/msgpack';
import type { LoadConnection, Outcome, Replies } from './load';

interface Step {
  readonly Data: 'ret' | { readonly Method: string };
  readonly EventId: number;
}

/** Kong's side of `MsgPack:1`, which the stock JavaScript plugin server speaks. */
export class MsgPackKong implements LoadConnection {
  #sequence = 0;
  #onResult: ((result: unknown) => void) | undefined;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay();
    socket.on('data', (chunk: Buffer) => {
      // The stock server sends a message in one write, and only one is under way.
      const [, , error, result] = decode(chunk) as [number, number, unknown, unknown];
      if (error) throw new Error(JSON.stringify(error));
      this.#onResult?.(result);
    });
  }

  static connect(path: string): Promise<MsgPackKong> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path, () => {
        resolve(new MsgPackKong(socket));
      });
      socket.on('error', reject);
    });
  }

  startInstance(name: string, config: object): Promise<number> {
    return new Promise((resolve) => {
      this.#onResult = (result) => {
        resolve((result as { Id: number }).Id);
      };
      this.#call('plugin.StartInstance', { Name: name, Config: JSON.stringify(config) });
    });
  }

  event(instanceId: number, replies: Replies): Promise<Outcome> {
    return new Promise((resolve) => {
      this.#onResult = (result) => {
        const { Data, EventId } = result as Step;
        if (Data === 'ret') resolve('proceed');
        else if (Data.Method === 'kong.response.exit') resolve('exit');
        else this.#reply(EventId, Data.Method, replies[Data.Method]);
      };
      this.#call('plugin.HandleEvent', { EventName: 'access', InstanceId: instanceId });
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #reply(EventId: number, method: string, value: unknown): void {
    if (method !== 'kong.request.get_headers') {
      this.#call('plugin.Step', value === undefined ? { EventId } : { EventId, Data: value });
      return;
    }
    const lists = Object.entries(value as object).map(([name, one]) => [name, [one]]);
    this.#call('plugin.StepMultiMap', { EventId, Data: Object.fromEntries(lists) as unknown });
  }

  #call(method: string, argument: object): void {
    this.socket.write(encode([0, ++this.#sequence, method, [argument]]));
  }
}
