import { createConnection, type Socket } from 'node:net';
import { encodeFrames, FrameDecoder } from '../../src/protocol/frame';
import { decode, encode } from '../../src/protocol/message';
import { findPdkMethod } from '../../src/protocol/pdk-methods';
import { rpcCall, type RpcCall, rpcReturn, type RpcReturn } from '../../src/protocol/rpc-messages';

/** Answers the plugin's reads: a value for each method, or what to make of the arguments. */
export type Answers = Readonly<Record<string, unknown>>;

/** A PDK call that the server made. */
export interface SeenCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** How an event ended, as Kong sees it. */
export interface EventEnd {
  readonly outcome: 'proceed' | 'exit' | 'closed';
  readonly calls: readonly SeenCall[];
  /** Arguments of `kong.response.exit`. */
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, unknown>>;
}

/** What an ordinary request answers. */
export const ORDINARY_REQUEST: Answers = {
  'kong.request.get_headers': { host: 'api.test', authorization: 'Bearer good' },
  'kong.request.get_method': 'GET',
  'kong.request.get_raw_query': '',
};

/** One connection of Kong to a plugin server: does what Kong 3.9.3 does, strictly in order. */
export class KongSide {
  private readonly decoder = new FrameDecoder();
  private readonly frames: Buffer[] = [];
  private readonly waiting: ((frame: Buffer | undefined) => void)[] = [];
  private isClosed = false;
  private sequence = 30_000;
  /** Settles when the server, or this side, has closed the connection. */
  readonly closed: Promise<void>;

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      for (const frame of this.decoder.push(chunk)) {
        const waiting = this.waiting.shift();
        if (waiting === undefined) this.frames.push(frame);
        else waiting(frame);
      }
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.isClosed = true;
        for (const waiting of this.waiting.splice(0)) waiting(undefined);
        resolve();
      });
    });
  }

  /** Connects. @throws the error of `connect(2)`: Kong answers 500 */
  static connect(path: string): Promise<KongSide> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        resolve(new KongSide(socket));
      });
    });
  }

  /** Writes payloads as Kong does: the length and the body of each in two writes. */
  send(...payloads: readonly Uint8Array[]): void {
    for (const payload of payloads) {
      const frame = encodeFrames([payload]);
      this.socket.write(frame.subarray(0, 4));
      if (payload.length > 0) this.socket.write(frame.subarray(4));
    }
  }

  /** Returns the next frame; `undefined` when the connection was closed before there was one. */
  receive(): Promise<Buffer | undefined> {
    const frame = this.frames.shift();
    if (frame !== undefined || this.isClosed) return Promise.resolve(frame);
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  /** Makes a call and returns what the server returned, or `undefined` when it closed the connection. */
  async call(call: Omit<RpcCall, 'sequence'>): Promise<RpcReturn | undefined> {
    const sequence = ++this.sequence;
    this.send(encode(rpcCall, { sequence, ...call }));
    return this.return(sequence);
  }

  /** Starts an instance and returns its id, or `undefined` when the server closed the connection. */
  async start(config: object, name = 'scripted'): Promise<number | undefined> {
    const startInstance = { name, config: Buffer.from(JSON.stringify(config)) };
    return (await this.call({ startInstance }))?.instanceStatus?.instanceId;
  }

  /** Runs one event to its end. */
  async event(instanceId: number, answers: Answers = ORDINARY_REQUEST, eventName = 'access'): Promise<EventEnd> {
    const sequence = ++this.sequence;
    this.send(encode(rpcCall, { sequence, handleEvent: { instanceId, eventName } }));
    const calls: SeenCall[] = [];
    for (;;) {
      const frame = await this.receive();
      if (frame === undefined) return { outcome: 'closed', calls };
      if (frame.length === 0) {
        const returned = await this.return(sequence);
        return { outcome: returned === undefined ? 'closed' : 'proceed', calls };
      }
      const exit = await this.answer(frame.toString(), answers, calls);
      if (exit !== undefined) return exit;
    }
  }

  /** Ends the connection and waits until it is. */
  async close(): Promise<void> {
    this.socket.destroy();
    await this.closed;
  }

  private async answer(name: string, answers: Answers, calls: SeenCall[]): Promise<EventEnd | undefined> {
    const payload = await this.receive();
    if (payload === undefined) return { outcome: 'closed', calls };
    const method = findPdkMethod(name);
    if (method === undefined) throw new Error(`the server called ${name}`);
    const args = decode(method.arguments, payload);
    calls.push({ method: name, args });
    if (method.answer === 'none') {
      // Kong sends the response and closes the connection without a reply.
      this.socket.destroy();
      const [status, body, headers] = args as [number, Uint8Array | null, Record<string, unknown>];
      return { outcome: 'exit', calls, status, body: Buffer.from(body ?? []).toString(), headers };
    }
    const answer = answers[name];
    const value: unknown = typeof answer === 'function' ? await (answer as (args: unknown) => unknown)(args) : answer;
    if (value instanceof Uint8Array) this.send(value);
    else this.send(method.answer === 'empty' ? new Uint8Array() : encode(method.result, value));
    return undefined;
  }

  private async return(sequence: number): Promise<RpcReturn | undefined> {
    const frame = await this.receive();
    if (frame === undefined) return undefined;
    const returned = decode(rpcReturn, frame);
    if (returned.sequence !== sequence)
      throw new Error(`asked ${sequence}, got an answer to ${returned.sequence ?? 0}`);
    return returned;
  }
}
