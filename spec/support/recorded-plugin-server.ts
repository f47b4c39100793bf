import { createServer, type Socket } from 'node:net';
import { encodeFrames, FrameDecoder } from '../../src/protocol/frame';
import { decode, encode } from '../../src/protocol/message';
import { rpcCall, rpcReturn, type RpcCall } from '../../src/protocol/rpc-messages';
import transcript from '../fixtures/kong-transcripts/protobuf.json';

/** One frame of the recording. */
export type Frame = readonly [from: 'kong' | 'plugin', kind: string, about: string, payload: string];

/** A frame of Kong in the recording, and what was received in its place. */
export interface Comparison {
  /** `rpc-call`, or the method that is answered. */
  readonly about: string;
  readonly recorded: Buffer;
  readonly received: Buffer;
}

/** One call in the recording: Kong's first frame and everything until the next call. */
export interface RecordedCall {
  readonly call: RpcCall;
  readonly frames: readonly Frame[];
}

/** Every call of the recording, in order. */
export const RECORDED: readonly RecordedCall[] = (transcript.connections as unknown as Frame[][]).flatMap((frames) => {
  const starts = frames.flatMap(([, kind], i) => (kind === 'rpc-call' ? [i] : []));
  return starts.map((start, i) => {
    const own = frames.slice(start, starts[i + 1]);
    return { call: decode(rpcCall, bytesOf(own[0]!)), frames: own };
  });
});

/** The bytes of a frame. */
export function bytesOf([, , , payload]: Frame): Buffer {
  return Buffer.from(payload, 'base64');
}

/**
 * The plugin server of the recording: says what was said then, and keeps what it hears in the place of Kong's frames. An
 * instance is recognized by the member `script` of its configuration.
 */
export class RecordedPluginServer {
  readonly comparisons: Comparison[] = [];
  /** How many connections the other side has ended. */
  ended = 0;
  private readonly played = new Set<RecordedCall>();
  private readonly server = createServer((socket) => {
    void this.serve(socket);
  });

  async listen(path: string): Promise<void> {
    await new Promise<void>((resolve) => {
      this.server.listen(path, resolve);
    });
  }

  async stop(): Promise<void> {
    await new Promise((resolve) => {
      this.server.close(resolve);
    });
  }

  private async serve(socket: Socket): Promise<void> {
    const frames = readFrames(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => (this.ended += 1));
    for (;;) {
      const { value: first } = await frames.next();
      if (first === undefined) return;
      await this.play(first, frames, socket);
    }
  }

  private async play(first: Buffer, frames: AsyncGenerator<Buffer, undefined>, socket: Socket): Promise<void> {
    const call = decode(rpcCall, first);
    const recorded = RECORDED.find((candidate) => !this.played.has(candidate) && isSame(candidate.call, call));
    if (recorded === undefined) throw new Error(`nothing like this was recorded: ${JSON.stringify(call)}`);
    this.played.add(recorded);
    this.comparisons.push({ about: 'rpc-call', recorded: bytesOf(recorded.frames[0]!), received: first });
    for (const frame of recorded.frames.slice(1)) {
      const [from, kind, about] = frame;
      if (from === 'kong') {
        const { value: received } = await frames.next();
        if (received === undefined) throw new Error(`the connection was ended before the reply to ${about}`);
        this.comparisons.push({ about, recorded: bytesOf(frame), received });
      } else {
        socket.write(encodeFrames([kind === 'rpc-return' ? withSequence(frame, call) : bytesOf(frame)]));
      }
    }
  }
}

function isSame(recorded: RpcCall, given: RpcCall): boolean {
  if (given.startInstance !== undefined) return scriptOf(recorded) === scriptOf(given);
  return recorded.handleEvent !== undefined && recorded.handleEvent.instanceId === given.handleEvent?.instanceId;
}

/** The configuration of an instance that is to be started. */
export function configOf({ startInstance }: RpcCall): Record<string, unknown> {
  return JSON.parse(Buffer.from(startInstance?.config ?? []).toString()) as Record<string, unknown>;
}

function scriptOf(call: RpcCall): unknown {
  return call.startInstance === undefined ? undefined : configOf(call)['script'];
}

function withSequence(frame: Frame, { sequence = 0 }: RpcCall): Uint8Array {
  return encode(rpcReturn, { ...decode(rpcReturn, bytesOf(frame)), sequence });
}

async function* readFrames(socket: Socket): AsyncGenerator<Buffer, undefined> {
  const decoder = new FrameDecoder();
  try {
    for await (const chunk of socket) yield* decoder.push(chunk as Buffer);
  } catch {
    // Ended in the middle: there is nothing more to read.
  }
  return undefined;
}
