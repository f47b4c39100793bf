import { createConnection, type Socket } from 'node:net';
import { encodeFrames, FrameDecoder } from '../../../protocol/frame';

/** Kong 3.9.3: the default `lua_socket_read_timeout`; how long a plugin server may take for one frame. */
export const READ_TIMEOUT_MS = 60_000;

/** The plugin server ended a connection before it had answered. Kong then starts the instance again. */
export class ConnectionClosedError extends Error {
  override readonly name = 'ConnectionClosedError';
}

/**
 * One connection to a plugin server. Frames are read one at a time and strictly in order; between calls nothing may
 * arrive, so a connection on which something does is not used again.
 */
export class PluginConnection {
  private readonly decoder = new FrameDecoder();
  private readonly frames: Buffer[] = [];
  private waiting: { resolve: (frame: Buffer) => void; reject: (reason: Error) => void } | undefined;
  private failure: Error | undefined;

  private constructor(
    private readonly socket: Socket,
    private readonly readTimeoutMs: number,
  ) {
    socket.on('data', (chunk: Buffer) => {
      try {
        this.frames.push(...this.decoder.push(chunk));
      } catch (error) {
        this.end(error as Error);
      }
      this.deliver();
    });
    socket.on('error', () => undefined);
    socket.on('timeout', () => {
      this.end(new Error(`the plugin server was silent for ${this.readTimeoutMs} ms`));
    });
    socket.on('close', () => {
      this.end(new ConnectionClosedError('the plugin server closed the connection'));
    });
  }

  /** Connects. @throws the error of `connect(2)` */
  static connect(path: string, readTimeoutMs: number): Promise<PluginConnection> {
    return new Promise((resolve, reject) => {
      const socket = createConnection(path);
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new PluginConnection(socket, readTimeoutMs));
      });
    });
  }

  /** Whether a new call may be made on it. */
  get isUsable(): boolean {
    return this.failure === undefined && this.frames.length === 0 && this.decoder.isAtBoundary;
  }

  /** Writes one frame, as Kong does: the length and the payload apart. A connection that is gone is noticed on reading. */
  send(payload: Uint8Array): void {
    const prefixBytes = 4;
    const frame = encodeFrames([payload]);
    this.socket.write(frame.subarray(0, prefixBytes));
    if (payload.length > 0) this.socket.write(frame.subarray(prefixBytes));
  }

  /**
   * Returns the next frame.
   *
   * @throws {@link ConnectionClosedError}, or another Error when the server is silent for too long or sends a frame that
   * is too large
   */
  receive(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject };
      this.socket.setTimeout(this.readTimeoutMs);
      this.deliver();
    });
  }

  /** Ends the connection; the other side sees it at once. */
  destroy(): void {
    this.end(new ConnectionClosedError('the connection was given up'));
  }

  private end(reason: Error): void {
    this.failure ??= reason;
    this.socket.destroy();
    this.deliver();
  }

  private deliver(): void {
    const { waiting } = this;
    if (waiting === undefined) return;
    const frame = this.frames.shift();
    if (frame === undefined && this.failure === undefined) return;
    this.waiting = undefined;
    this.socket.setTimeout(0);
    if (frame !== undefined) waiting.resolve(frame);
    else if (this.failure !== undefined) waiting.reject(this.failure);
  }
}
