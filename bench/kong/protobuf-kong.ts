import { createConnection, type Socket } from 'node:net';
import { encodeFrames, FrameDecoder } from '../../src/protocol/frame';
import { decode, encode } from '../../src/protocol/message';
import { findPdkMethod } from '../../src/protocol/pdk-methods';
import { rpcCall, rpcReturn } from '../../src/protocol/rpc-messages';
import type { LoadConnection, Outcome, Replies } from './load';

const NOTHING = encodeFrames([new Uint8Array()]);

/** Kong's side of `ProtoBuf:1`, as cheap as it can be, with one write for a length and one for a payload as Kong does. */
export class ProtoBufKong implements LoadConnection {
  readonly #decoder = new FrameDecoder();
  #call: ((frame: Buffer) => void) | undefined;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay();
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.#decoder.push(chunk)) this.#call?.(frame);
    });
  }

  static connect(path: string): Promise<ProtoBufKong> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path, () => {
        resolve(new ProtoBufKong(socket));
      });
      socket.on('error', reject);
    });
  }

  startInstance(name: string, config: object): Promise<number> {
    return new Promise((resolve) => {
      this.#call = (frame) => {
        resolve(decode(rpcReturn, frame).instanceStatus?.instanceId ?? 0);
      };
      this.#send(
        encode(rpcCall, { sequence: 1, startInstance: { name, config: Buffer.from(JSON.stringify(config)) } }),
      );
    });
  }

  event(instanceId: number, replies: Replies): Promise<Outcome> {
    return new Promise((resolve) => {
      let method: string | undefined;
      let isOver = false;
      this.#call = (frame) => {
        if (isOver) resolve('proceed');
        else if (method !== undefined) {
          if (method === 'kong.response.exit') resolve('exit');
          else this.#reply(method, replies);
          method = undefined;
        } else if (frame.length === 0) isOver = true;
        else method = frame.toString('latin1');
      };
      this.#send(encode(rpcCall, { sequence: 1, handleEvent: { instanceId, eventName: 'access' } }));
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #reply(method: string, replies: Replies): void {
    const value = replies[method];
    if (value === undefined) this.socket.write(NOTHING);
    else this.#send(encoded(method, value));
  }

  #send(payload: Uint8Array): void {
    const prefix = Buffer.allocUnsafe(4);
    prefix.writeUInt32LE(payload.length);
    this.socket.write(prefix);
    this.socket.write(payload);
  }
}

const payloads = new WeakMap<object, Uint8Array>();

/** A reply is encoded once: the client's work is not what is measured. */
function encoded(method: string, value: unknown): Uint8Array {
  const key = typeof value === 'object' && value !== null ? value : undefined;
  const known = key && payloads.get(key);
  if (known) return known;
  const pdkMethod = findPdkMethod(method);
  if (pdkMethod === undefined) throw new Error(`the plugin called ${method}`);
  const payload = encode(pdkMethod.result, value);
  if (key) payloads.set(key, payload);
  return payload;
}
