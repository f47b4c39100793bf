import { PassThrough, type Readable } from 'node:stream';

/**
 * The body of a request. It streams to the service; a plugin that reads it gets it when it is small, and then the
 * service gets the same bytes.
 */
export class RequestBody {
  #read: Buffer | undefined;

  /**
   * @param source - the client's body, `null` when the request has none
   * @param declaredBytes - its length as the client says it, `null` when it comes in chunks
   */
  constructor(
    private readonly source: Readable | null,
    private readonly declaredBytes: number | null = null,
  ) {}

  /** Whether there is one. */
  get isAbsent(): boolean {
    return this.source === null;
  }

  /** Its length, `null` when nobody knows it yet. */
  get bytes(): number | null {
    return this.#read?.length ?? this.declaredBytes;
  }

  /** Returns the whole body, `null` when it is longer than `maxBytes`; then nothing of it is lost. */
  async read(maxBytes: number): Promise<Buffer | null> {
    if (this.#read !== undefined || this.source === null) return this.#read ?? Buffer.alloc(0);
    const { source } = this;
    const chunks: Buffer[] = [];
    let bytes = 0;
    while (!source.readableEnded) {
      const chunk = source.read() as Buffer | null;
      if (chunk === null) {
        await moreOrEnd(source);
        continue;
      }
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes) {
        source.unshift(Buffer.concat(chunks));
        return null;
      }
    }
    this.#read = Buffer.concat(chunks);
    return this.#read;
  }

  /**
   * Returns what is to be sent to the service. It may be destroyed without harm to the client's connection, which
   * still has to carry the answer.
   */
  forService(): Readable | Buffer | null {
    if (this.#read !== undefined) return this.#read;
    return this.source === null ? null : this.source.pipe(new PassThrough());
  }
}

/** Resolves when a paused stream has something to read or is over. */
function moreOrEnd(source: Readable): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      source.off('readable', settle).off('end', settle).off('error', settle).off('close', settle);
      if (error instanceof Error) reject(error);
      else if (source.destroyed && !source.readableEnded) reject(new Error('the client went away'));
      else resolve();
    };
    source.on('readable', settle).on('end', settle).on('error', settle).on('close', settle);
  });
}
