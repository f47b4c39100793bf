import { pipeline, type Readable } from 'node:stream';
import { promisify } from 'node:util';
import { createGunzip, gunzip, type ZlibOptions } from 'node:zlib';
import { FetchError } from './fetch-error';

/** What a body is made into when it is there: the value of its JSON, its text, or a list of its bytes. */
export type BodyForm = 'json' | 'text' | 'chunks';

/** Make a body into what was asked for, from its bytes. They throw a {@link FetchError}. */
export const bodyParsers: Readonly<Record<BodyForm, (chunks: readonly Uint8Array[]) => unknown>> = {
  json: parseJson,
  text: parseText,
  chunks: (chunks) => chunks,
};

const gunzipped = promisify<Buffer | Uint8Array, ZlibOptions, Buffer>(gunzip);

/**
 * Some servers compress although nobody asked. gzip is unpacked, off this thread, until there are too many bytes: a small
 * body may unpack to gigabytes.
 */
export async function unpacked(
  coding = 'identity',
  chunks: readonly Uint8Array[],
  maxBytes: number,
): Promise<readonly Uint8Array[]> {
  if (!isGzip(coding)) return chunks;
  try {
    return [await gunzipped(Buffer.concat(chunks), { maxOutputLength: maxBytes })];
  } catch (error) {
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE';
    throw isTooLarge ? tooLarge(maxBytes) : new FetchError(NOT_GZIP);
  }
}

/**
 * The same for a body that is read while it comes, so that no more than a piece of it is in memory. Each piece is handed
 * on before the next one is looked at, and none that is beyond `maxBytes`. The body is destroyed when nobody reads on.
 */
export function unpackedStream(coding = 'identity', body: Readable, maxBytes: number): AsyncIterable<Uint8Array> {
  return withinBytes(isGzip(coding) ? gunzippedStream(body) : body, maxBytes);
}

async function* gunzippedStream(body: Readable): AsyncGenerator<Uint8Array> {
  // Destroys each of the two when the other fails or is let go of.
  const gunzip = pipeline(body, createGunzip(), () => undefined);
  try {
    yield* gunzip as AsyncIterable<Uint8Array>;
  } catch (error) {
    const isOfGzip = (error as NodeJS.ErrnoException).code?.startsWith('Z_') === true;
    throw isOfGzip ? new FetchError(NOT_GZIP) : error;
  }
}

async function* withinBytes(pieces: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > maxBytes) throw tooLarge(maxBytes);
    yield piece;
  }
}

const NOT_GZIP = 'the compressed document cannot be unpacked';

function isGzip(coding: string): boolean {
  const name = coding.trim().toLowerCase();
  if (name === 'identity') return false;
  if (name === 'gzip' || name === 'x-gzip') return true;
  throw new FetchError('the provider compressed its answer in another way than gzip, which was not asked for');
}

/** Says that a document is larger than it may be. */
export function tooLarge(maxBytes: number): FetchError {
  return new FetchError(`the document has more than ${maxBytes} bytes`);
}

function parseJson(chunks: readonly Uint8Array[]): unknown {
  try {
    return JSON.parse(parseText(chunks));
  } catch {
    throw new FetchError('the document is not JSON');
  }
}

function parseText(chunks: readonly Uint8Array[]): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new FetchError('the document is not UTF-8');
  }
}
