/**
 * Frames of Kong's `ProtoBuf:1` protocol: an unsigned 32-bit length, then that many bytes. The length is in the byte
 * order of the machine; every machine that runs both Kong and Node is little-endian (x86-64, arm64).
 */

/** Bytes of the length that precedes a payload. */
const PREFIX_BYTES = 4;

/**
 * Default bound of a payload, in bytes. The longest frames that Kong sends are a request body that nginx holds in
 * memory and a plugin's configuration; both are far below.
 */
export const DEFAULT_MAX_FRAME_BYTES = 16 * 1024 * 1024;

/** A peer announced a frame beyond the limit: the stream cannot be followed any further. */
export class FrameTooLargeError extends Error {
  override readonly name = 'FrameTooLargeError';

  constructor(frameBytes: number, maxFrameBytes: number) {
    super(`a frame of ${frameBytes} bytes was announced, the limit is ${maxFrameBytes}`);
  }
}

/**
 * Cuts one direction of a connection into payloads, wherever the chunks happen to be split. Nothing is allocated for
 * a frame before its bytes arrive, so an announced length costs nothing.
 */
export class FrameDecoder {
  /** Chunks that end in the middle of a frame, in order. */
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  /** Bytes of `pending` at which looking again makes sense: a length, or a length and its payload. */
  private neededBytes = PREFIX_BYTES;

  constructor(private readonly maxFrameBytes: number = DEFAULT_MAX_FRAME_BYTES) {}

  /**
   * Takes the next bytes of the stream and returns the payloads they complete, in order. A payload shares memory with
   * `chunk` when it arrived whole: read it before the chunk is written over.
   *
   * @throws {@link FrameTooLargeError} when a length exceeds the limit; the decoder must not be used afterwards.
   */
  push(chunk: Buffer): Buffer[] {
    if (this.pendingBytes === 0) return this.cut(chunk);
    this.pending.push(chunk);
    this.pendingBytes += chunk.length;
    if (this.pendingBytes < this.neededBytes) return [];
    const joined = Buffer.concat(this.pending, this.pendingBytes);
    this.pending = [];
    this.pendingBytes = 0;
    return this.cut(joined);
  }

  /** Whether the stream is between two frames. */
  get isAtBoundary(): boolean {
    return this.pendingBytes === 0;
  }

  private cut(bytes: Buffer): Buffer[] {
    const payloads: Buffer[] = [];
    let at = 0;
    this.neededBytes = PREFIX_BYTES;
    while (bytes.length - at >= PREFIX_BYTES) {
      const frameBytes = bytes.readUInt32LE(at);
      if (frameBytes > this.maxFrameBytes) throw new FrameTooLargeError(frameBytes, this.maxFrameBytes);
      const end = at + PREFIX_BYTES + frameBytes;
      if (end > bytes.length) {
        this.neededBytes = PREFIX_BYTES + frameBytes;
        break;
      }
      payloads.push(bytes.subarray(at + PREFIX_BYTES, end));
      at = end;
    }
    if (at < bytes.length) {
      this.pending = [bytes.subarray(at)];
      this.pendingBytes = bytes.length - at;
    }
    return payloads;
  }
}

/** Returns the payloads as consecutive frames in one buffer, so that they leave in one write. */
export function encodeFrames(payloads: readonly Uint8Array[]): Buffer {
  let bytes = 0;
  for (const payload of payloads) bytes += PREFIX_BYTES + payload.length;
  const frames = Buffer.allocUnsafe(bytes);
  let at = 0;
  for (const payload of payloads) {
    at = frames.writeUInt32LE(payload.length, at);
    frames.set(payload, at);
    at += payload.length;
  }
  return frames;
}
