import { Readable } from 'node:stream';
import { withinTime } from '../time-limit';
import type { DoorProblem } from './problem';

/** Why a body was not passed on to its end. */
export class BodyProblem extends Error {
  override readonly name = 'BodyProblem';

  constructor(readonly code: DoorProblem) {
    super(code);
  }
}

/** What a body may cost. */
export interface BodyLimits {
  readonly maxBytes: number;
  /** The longest silence of the client, in milliseconds. */
  readonly maxSilenceMs: number;
}

/**
 * Returns a request's body as a stream for the service, chunk by chunk as it arrives. It fails with a
 * {@link BodyProblem} when the body is longer than allowed, or when the client is silent for too long.
 */
export function boundedBody(body: ReadableStream<Uint8Array>, limits: BodyLimits): Readable {
  const reader = body.getReader();
  const stream = Readable.from(chunksOf(reader, limits), { objectMode: false });
  // When the reader stops, the client may stop sending, and a read that still waits for it ends.
  stream.once('close', () => {
    reader.cancel().catch(() => undefined);
  });
  return stream;
}

async function* chunksOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { maxBytes, maxSilenceMs }: BodyLimits,
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for (;;) {
    const { done, value } = await withinTime(reader.read(), maxSilenceMs, () => new BodyProblem('body_too_slow'));
    if (done) return;
    bytes += value.byteLength;
    if (bytes > maxBytes) throw new BodyProblem('body_too_large');
    yield value;
  }
}
